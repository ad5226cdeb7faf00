package dev.dstack.cli.config;

/** A project of a server, as it stands in {@code ~/.dstack/config.yml}. */
public record ProjectEntry(String name, String url, String token, boolean isDefault) {
  @Override
  public String toString() {
    return name + " at " + url;
  }
}
