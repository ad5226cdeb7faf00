package dev.dstack.embedded;

import org.jspecify.annotations.Nullable;

/** A part could not be had or does not run. The message says what, where and what to do next. */
public final class EmbeddedException extends RuntimeException {
  public EmbeddedException(String message) {
    super(message);
  }

  public EmbeddedException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
