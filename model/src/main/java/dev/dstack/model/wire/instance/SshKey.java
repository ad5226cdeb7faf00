package dev.dstack.model.wire.instance;

import com.fasterxml.jackson.annotation.JsonProperty;
import org.jspecify.annotations.Nullable;

public record SshKey(
    @JsonProperty("public") String publicKey,
    @JsonProperty("private") @Nullable String privateKey) {
  @Override
  public String toString() {
    return "SshKey[publicKey=" + publicKey + ", privateKey=***]";
  }
}
