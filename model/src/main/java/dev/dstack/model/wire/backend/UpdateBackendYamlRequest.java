package dev.dstack.model.wire.backend;

public record UpdateBackendYamlRequest(String configYaml) {
  @Override
  public String toString() {
    return "UpdateBackendYamlRequest[***]";
  }
}
