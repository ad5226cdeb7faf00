package dev.dstack.agent.repo;

/** The repository can't be put in its place; the message is for the user. */
public final class RepoException extends Exception {
  private static final long serialVersionUID = 1L;

  public RepoException(String message) {
    super(message);
  }

  public RepoException(String message, Throwable cause) {
    super(message, cause);
  }
}
