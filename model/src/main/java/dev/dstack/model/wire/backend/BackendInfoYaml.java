package dev.dstack.model.wire.backend;

public record BackendInfoYaml(String name, String configYaml) {
  @Override
  public String toString() {
    return "BackendInfoYaml[name=" + name + ", ***]";
  }
}
