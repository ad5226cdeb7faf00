package dev.dstack.activities;

import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import io.temporal.failure.ApplicationErrorCategory;
import io.temporal.failure.ApplicationFailure;

/**
 * Turns our errors into Temporal's: the kind becomes the type, and decides whether the server tries
 * again.
 */
public final class Failures {
  /** Temporal cuts longer texts in places a person would miss. */
  private static final int MESSAGE_CHARS_MAX = 1_000;

  private Failures() {}

  public static ApplicationFailure of(DstackException e) {
    return failure(e.kind(), String.valueOf(e.getMessage()), e);
  }

  public static ApplicationFailure of(ErrorKind kind, String message) {
    return failure(kind, message, null);
  }

  private static ApplicationFailure failure(
      ErrorKind kind, String message, @org.jspecify.annotations.Nullable Throwable cause) {
    ApplicationFailure.Builder builder =
        ApplicationFailure.newBuilder()
            .setType(kind.name())
            .setMessage(
                message.length() <= MESSAGE_CHARS_MAX
                    ? message
                    : message.substring(0, MESSAGE_CHARS_MAX) + "…")
            .setNonRetryable(!kind.retryable())
            // Waiting for something is not an error anybody should be alarmed by.
            .setCategory(
                kind == ErrorKind.NOT_READY
                    ? ApplicationErrorCategory.BENIGN
                    : ApplicationErrorCategory.UNSPECIFIED);
    return cause == null ? builder.build() : builder.setCause(cause).build();
  }
}
