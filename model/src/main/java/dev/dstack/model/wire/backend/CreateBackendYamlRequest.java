package dev.dstack.model.wire.backend;

public record CreateBackendYamlRequest(String configYaml) {
  @Override
  public String toString() {
    return "CreateBackendYamlRequest[***]";
  }
}
