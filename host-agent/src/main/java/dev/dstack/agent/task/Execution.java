package dev.dstack.agent.task;

import dev.dstack.model.agent.PullProgress;
import dev.dstack.model.agent.TaskExit;
import dev.dstack.model.agent.TaskMetrics;
import java.io.IOException;
import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * How a task is executed. The task's own thread is the only one to call what changes anything; the
 * answers at the end are for everybody. Each of them can be asked again after the agent's death and
 * leads to the same.
 */
sealed interface Execution permits HostProcess, Container {

  /** What can be seen of a task. */
  sealed interface Sight {
    /** The command has not been started yet. */
    record Waiting() implements Sight {}

    /**
     * The command runs.
     *
     * @param uptime of the host when it started
     */
    record Running(Instant since, long uptime, String workingDir, String username)
        implements Sight {}

    /**
     * The command has ended; something it started may be left, output may be on its way.
     *
     * @param ran absent: it never ran
     */
    record Ended(int status, @Nullable Running ran) implements Sight {}

    /** It is over without having said how the command ended, or before the command was started. */
    record Lost(TaskExit exit) implements Sight {}
  }

  /** Makes ready for the start. Present: how the task ended instead. */
  Optional<TaskExit> prepare() throws IOException, InterruptedException;

  /** Starts it unless it was started before. Present: how the task ended instead. */
  Optional<TaskExit> launch() throws IOException, InterruptedException;

  Sight look() throws IOException, InterruptedException;

  /** Asks the command to end. False: that can't be done yet. */
  boolean term() throws IOException, InterruptedException;

  /** Ends everything; repeated until it is over. */
  void kill() throws IOException, InterruptedException;

  /**
   * After the command's end: one step of ending what it left.
   *
   * @param overdue it took too long already
   * @return true: nothing of it is left and the output is complete
   */
  boolean settle(boolean overdue) throws IOException, InterruptedException;

  /** How a command that nobody stopped ended. */
  TaskExit verdict(int status) throws IOException, InterruptedException;

  /** When the command ended. */
  Instant endedAt(int status);

  /** Present: output is not collected any more, and why. */
  Optional<String> collectorLost() throws IOException;

  /** Whether {@link #clear} needs to be repeated after the agent's death. */
  boolean leavesTraces();

  /** Removes what only a task that may still run needs. */
  void clear() throws IOException, InterruptedException;

  /** Uptime at which {@link #look} should be called again, whether anything happened or not. */
  long nextLook();

  // --- for everybody -----------------------------------------------------------------------------

  @Nullable PullProgress pull();

  @Nullable Instant unusedSince();

  /** Empty: it does not run. */
  Optional<TaskMetrics> metrics() throws IOException, InterruptedException;
}
