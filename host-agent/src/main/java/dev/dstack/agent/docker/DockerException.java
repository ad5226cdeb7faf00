package dev.dstack.agent.docker;

/** The engine refused something, in its own words. */
public final class DockerException extends Exception {
  private static final long serialVersionUID = 1L;

  private final int status;

  DockerException(int status, String message) {
    super(message);
    this.status = status;
  }

  /** As of HTTP; 0 for what came in the middle of an answer. */
  public int status() {
    return status;
  }

  public String words() {
    return String.valueOf(getMessage());
  }
}
