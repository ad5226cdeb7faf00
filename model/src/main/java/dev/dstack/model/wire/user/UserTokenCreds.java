package dev.dstack.model.wire.user;

public record UserTokenCreds(String token) {
  @Override
  public String toString() {
    return "UserTokenCreds[***]";
  }
}
