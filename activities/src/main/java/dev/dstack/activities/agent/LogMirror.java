package dev.dstack.activities.agent;

import dev.dstack.backends.HostAgent;
import dev.dstack.db.log.LogKey;
import dev.dstack.db.log.LogStore;
import dev.dstack.model.agent.AgentProtocol;
import dev.dstack.workflows.job.AgentActivities.TaskRef;

/** Copies the log of one task from its host to the log store. */
final class LogMirror {
  private final LogStore store;
  private final LogKey key;
  private final TaskRef task;
  private long offset;

  LogMirror(LogStore store, TaskRef task) {
    this.store = store;
    this.key = new LogKey(task.project(), task.runName(), task.job());
    this.task = task;
    this.offset = store.resumeAt(key);
  }

  /** How far the copy goes. */
  long offset() {
    return offset;
  }

  /** Copies up to there, or to where the original ends if that is earlier. */
  boolean copy(HostAgent agent, long end) {
    boolean copied = false;
    while (offset < end) {
      byte[] bytes = agent.readLog(task.job(), offset, AgentProtocol.LOG_READ_BYTES);
      if (bytes.length == 0) {
        return copied;
      }
      store.write(key, offset, bytes);
      offset += bytes.length;
      copied = true;
    }
    return copied;
  }

  /** The original may be removed after this. */
  void complete() {
    store.complete(key);
  }
}
