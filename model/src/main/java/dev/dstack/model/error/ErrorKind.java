package dev.dstack.model.error;

/** Every way an operation can fail. The name is the type of Temporal's ApplicationFailure. */
public enum ErrorKind {
  INVALID_SPEC(ErrorType.USER, false, 400),
  NAME_TAKEN(ErrorType.USER, false, 400),
  NOT_FOUND(ErrorType.USER, false, 400),
  FORBIDDEN(ErrorType.USER, false, 403),
  IMAGE_NOT_FOUND(ErrorType.USER, false, 400),
  REGISTRY_DENIED(ErrorType.USER, false, 400),
  SECRET_NOT_FOUND(ErrorType.USER, false, 400),
  FILE_NOT_FOUND(ErrorType.USER, false, 400),
  PORT_TAKEN(ErrorType.USER, false, 400),
  NO_CAPACITY(ErrorType.CAPACITY, false, 400),
  QUOTA_EXCEEDED(ErrorType.CAPACITY, false, 400),
  BACKEND_DENIED(ErrorType.EXTERNAL, false, 400),
  IDEMPOTENCY_MISMATCH(ErrorType.EXTERNAL, false, 500),
  BACKEND_THROTTLED(ErrorType.EXTERNAL, true, 503),
  BACKEND_UNAVAILABLE(ErrorType.EXTERNAL, true, 503),
  AGENT_UNREACHABLE(ErrorType.EXTERNAL, true, 503),
  AGENT_REFUSED(ErrorType.EXTERNAL, false, 500),
  DATABASE_DOWN(ErrorType.EXTERNAL, true, 503),
  ENGINE_DOWN(ErrorType.EXTERNAL, true, 503),
  DISK_FULL(ErrorType.EXTERNAL, true, 507),
  /** Not an error: poll again. */
  NOT_READY(ErrorType.EXTERNAL, true, 503),
  HOST_LOST(ErrorType.EXTERNAL, false, 500),
  TIMED_OUT(ErrorType.EXTERNAL, false, 504),
  BUG(ErrorType.INTERNAL, true, 500);

  private final ErrorType type;
  private final boolean retryable;
  private final int httpStatus;

  ErrorKind(ErrorType type, boolean retryable, int httpStatus) {
    this.type = type;
    this.retryable = retryable;
    this.httpStatus = httpStatus;
  }

  public ErrorType type() {
    return type;
  }

  /** Whether the same call may succeed later without anybody changing anything. */
  public boolean retryable() {
    return retryable;
  }

  public int httpStatus() {
    return httpStatus;
  }
}
