package dev.dstack.cli;

/** What the process answers its caller; the same list stands in {@code dstack --help}. */
public final class ExitCode {
  public static final int OK = 0;

  /** The run did not end well, or the command could not do what it was asked. */
  public static final int FAILED = 1;

  /** The command line is wrong. */
  public static final int USAGE = 2;

  /** Ctrl-C. */
  public static final int INTERRUPTED = 130;

  private ExitCode() {}
}
