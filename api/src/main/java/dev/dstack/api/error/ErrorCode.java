package dev.dstack.api.error;

/** The codes that clients act on. */
public enum ErrorCode {
  ERROR("error"),
  RESOURCE_EXISTS("resource_exists"),
  RESOURCE_NOT_EXISTS("resource_not_exists"),
  INVALID_CREDENTIALS("invalid_credentials"),
  BACKEND_NOT_AVAILABLE("backend_not_available"),
  REPO_DOES_NOT_EXIST("repo_does_not_exist"),
  GATEWAY_ERROR("gateway_error");

  private final String wire;

  ErrorCode(String wire) {
    this.wire = wire;
  }

  public String wire() {
    return wire;
  }
}
