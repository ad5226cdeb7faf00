package dev.dstack.backends;

import org.jspecify.annotations.Nullable;

/** A private SSH key as the text of its file. */
public record PrivateKey(String content, @Nullable String passphrase) {
  @Override
  public String toString() {
    return "PrivateKey[***]";
  }
}
