package dev.dstack.cli.attach;

/** There is no way into the job now; the run does not mind. */
public final class AttachException extends Exception {
  private static final long serialVersionUID = 1L;

  AttachException(String message) {
    super(message);
  }

  public String text() {
    return String.valueOf(getMessage());
  }
}
