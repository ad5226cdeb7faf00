package dev.dstack.model.error;

import org.jspecify.annotations.Nullable;

/**
 * An operation failed in a way that has a kind. The message is for people and never holds a secret.
 */
public final class DstackException extends RuntimeException {
  private final ErrorKind kind;

  public DstackException(ErrorKind kind, String message) {
    this(kind, message, null);
  }

  public DstackException(ErrorKind kind, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.kind = kind;
  }

  public ErrorKind kind() {
    return kind;
  }
}
