package dev.dstack.model.wire.configuration;

public record RegistryAuth(String username, String password) {
  @Override
  public String toString() {
    return "RegistryAuth[username=" + username + ", password=***]";
  }
}
