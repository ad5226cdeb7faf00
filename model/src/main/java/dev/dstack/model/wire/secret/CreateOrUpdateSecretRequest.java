package dev.dstack.model.wire.secret;

public record CreateOrUpdateSecretRequest(String name, String value) {
  @Override
  public String toString() {
    return "CreateOrUpdateSecretRequest[name=" + name + ", value=***]";
  }
}
