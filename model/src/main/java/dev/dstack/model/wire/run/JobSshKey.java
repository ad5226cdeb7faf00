package dev.dstack.model.wire.run;

import com.fasterxml.jackson.annotation.JsonProperty;

public record JobSshKey(
    @JsonProperty("private") String privateKey, @JsonProperty("public") String publicKey) {
  @Override
  public String toString() {
    return "JobSshKey[***]";
  }
}
