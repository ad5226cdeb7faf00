package dev.dstack.agent.task;

import dev.dstack.agent.Durable;
import dev.dstack.agent.host.Uptime;
import dev.dstack.agent.log.TaskLog;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** When the output of a task is cut into frames. Used by the task's own thread. */
final class Output {
  private static final long HOLD_LINE_MILLIS = 30;
  private static final long COMPLETE_WITHIN_MILLIS = 5_000;
  private static final long ROOM_MILLIS = 500;

  private final TaskLog log;
  private final Surroundings surroundings;
  private final Journal journal;
  private @Nullable Long heldSince;

  Output(TaskLog log, Surroundings surroundings, Journal journal) {
    this.log = log;
    this.surroundings = surroundings;
    this.journal = journal;
  }

  /** True: there was some. */
  boolean tail() throws IOException {
    long now = Uptime.millis();
    Long held = heldSince;
    // A line without an end is a prompt, once nothing more came for a moment.
    boolean flush = held != null && now >= held + HOLD_LINE_MILLIS;
    TaskLog.Pass pass;
    try {
      pass = log.tail(surroundings.clock().instant(), flush);
    } catch (IOException e) {
      if (!Durable.isDiskFull(e)) {
        throw e;
      }
      // Nothing is lost: the output itself is in the raw file, its index is made once there is
      // room.
      return false;
    }
    if (pass.grew() || !pass.held()) {
      heldSince = pass.held() ? now : null;
    } else if (held == null) {
      heldSince = now;
    }
    if (pass.grew()) {
      journal.announce();
    }
    return pass.grew();
  }

  /**
   * Milliseconds after which a line that has no end yet is cut; the argument when there is none.
   */
  long untilFlush(long now, long otherwise) {
    Long held = heldSince;
    return held == null ? otherwise : Math.min(otherwise, held + HOLD_LINE_MILLIS - now + 1);
  }

  /** Everything there is, as nothing more will come. */
  void complete() throws IOException, InterruptedException {
    long deadline = Uptime.millis() + COMPLETE_WITHIN_MILLIS;
    while (true) {
      try {
        while (log.tail(surroundings.clock().instant(), true).grew()) {
          journal.announce();
        }
        return;
      } catch (IOException e) {
        if (!Durable.isDiskFull(e) || Uptime.millis() > deadline) {
          surroundings
              .log()
              .warn(journal.state().id() + ": the end of the log could not be indexed", e);
          return;
        }
        journal.pause(ROOM_MILLIS);
      }
    }
  }
}
