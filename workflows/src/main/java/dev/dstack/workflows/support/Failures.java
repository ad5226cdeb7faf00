package dev.dstack.workflows.support;

import dev.dstack.model.error.ErrorKind;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.CanceledFailure;
import io.temporal.failure.TimeoutFailure;
import org.jspecify.annotations.Nullable;

/** Reads the kind and the words out of what a failed call left behind. */
public final class Failures {
  /** The server cuts messages at 4 KiB; people stop reading earlier. */
  private static final int MESSAGE_LIMIT = 1_000;

  private Failures() {}

  public static boolean isCanceled(Throwable failure) {
    return failure instanceof CanceledFailure || failure.getCause() instanceof CanceledFailure;
  }

  public static ErrorKind kind(@Nullable Throwable failure) {
    return switch (failure) {
      case ApplicationFailure application -> kind(application.getType());
      case TimeoutFailure timeout ->
          timeout.getCause() == null ? ErrorKind.TIMED_OUT : kind(timeout.getCause());
      case ActivityFailure activity -> kind(activity.getCause());
      case null, default -> ErrorKind.BUG;
    };
  }

  public static String message(@Nullable Throwable failure) {
    return switch (failure) {
      case ApplicationFailure application -> cut(String.valueOf(application.getOriginalMessage()));
      case TimeoutFailure timeout ->
          timeout.getCause() == null
              ? "no answer in time (" + timeout.getTimeoutType() + ")"
              : message(timeout.getCause());
      case ActivityFailure activity -> message(activity.getCause());
      case null -> "failed without saying why";
      default -> cut(String.valueOf(failure.getMessage()));
    };
  }

  public static String cut(String text) {
    return text.length() <= MESSAGE_LIMIT ? text : text.substring(0, MESSAGE_LIMIT - 1) + "…";
  }

  private static ErrorKind kind(String type) {
    for (ErrorKind kind : ErrorKind.values()) {
      if (kind.name().equals(type)) {
        return kind;
      }
    }
    return ErrorKind.BUG;
  }
}
