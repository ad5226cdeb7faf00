package dev.dstack.model.wire.repo;

import org.jspecify.annotations.Nullable;

public record RemoteRepoCreds(
    String cloneUrl, @Nullable String privateKey, @Nullable String oauthToken) {
  @Override
  public String toString() {
    return "RemoteRepoCreds[cloneUrl=" + cloneUrl + ", ***]";
  }
}
