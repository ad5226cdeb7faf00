package dev.dstack.agent.runner;

/**
 * Names in the io directory, by which the runner and the agent tell each other where a task is. The
 * agent decides by these alone, so it makes no difference whether it saw them happen.
 */
public final class IoFiles {
  /** Where the directory is in a container. */
  public static final String MOUNT = "/.dstack/io";

  /** {@link RunnerRequest}; removed by the runner as soon as it has been read. */
  public static final String REQUEST = "request.json";

  /** Created by only one: the right to run the command, once ever. */
  public static final String STARTED = "started";

  /** "BOOT_ID STAT" of the command's process as the container sees it: it runs from now on. */
  public static final String PID = "pid";

  /** The output of the command, byte for byte. */
  public static final String LOG = "log";

  /** Renamed to {@link #EXIT_PREFIX} and the status, which needs no space on a full disk. */
  public static final String ARMED = "armed";

  public static final String EXIT_PREFIX = "exit-";

  /** Renamed to {@link #LOGGED_PREFIX} and 0 when all output is in the file, else 1. */
  public static final String LOGGING = "logging";

  public static final String LOGGED_PREFIX = "logged-";

  /** {@link Failure}: why the command was not started; {@code exit-125} follows. */
  public static final String FAILURE = "failure.json";

  /** {@link Where}, before the command starts. */
  public static final String WHERE = "where.json";

  /** {@link Sessions}, replaced when logins come and go. */
  public static final String SESSIONS = "sessions.json";

  /** For MPI: the addresses of the nodes that work together. */
  public static final String HOSTFILE = "hostfile";

  /** The runner's own words. */
  public static final String RUNNER_LOG = "runner.log";

  /** Status that says: the command was not started. */
  public static final int NOT_STARTED = 125;

  private IoFiles() {}

  /**
   * @param reason wire form of a JobTerminationReason
   */
  public record Failure(String reason, String message) {}

  /**
   * @param sshPort 0: nobody can log in
   */
  public record Where(String workingDir, String username, int sshPort) {}

  /**
   * @param unusedSince absent while somebody is logged in
   */
  public record Sessions(
      int connections, java.time.@org.jspecify.annotations.Nullable Instant unusedSince) {}
}
