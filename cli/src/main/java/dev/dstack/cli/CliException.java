package dev.dstack.cli;

import org.jspecify.annotations.Nullable;

/**
 * Ends the command with a message for the person at the terminal: what happened, where, and what to
 * do.
 */
public class CliException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int exitCode;

  protected CliException(int exitCode, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.exitCode = exitCode;
  }

  public static CliException failure(String message) {
    return new CliException(ExitCode.FAILED, message, null);
  }

  public static CliException failure(String message, Throwable cause) {
    return new CliException(ExitCode.FAILED, message, cause);
  }

  /** The command line itself is wrong. */
  public static CliException usage(String message) {
    return new CliException(ExitCode.USAGE, message, null);
  }

  public int exitCode() {
    return exitCode;
  }

  public String text() {
    return String.valueOf(getMessage());
  }
}
