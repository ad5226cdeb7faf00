package dev.dstack.agent.task;

import dev.dstack.agent.Durable;
import dev.dstack.model.json.Json;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;

/**
 * The state of one task: written down first, then seen. The task's own thread waits here to be
 * woken, callers wait for news.
 */
final class Journal {
  private final Path directory;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition wake = lock.newCondition();
  private final Condition news = lock.newCondition();
  private boolean woken;
  private volatile TaskState state;
  private volatile boolean unsaved;

  Journal(Path directory, TaskState state) {
    this.directory = directory;
    this.state = state;
  }

  TaskState state() {
    return state;
  }

  /** The one place where the state changes. */
  void transition(UnaryOperator<TaskState> change) throws IOException {
    update(change, false);
  }

  /**
   * @param sync only what a caller was told must survive the host's death; the rest follows from
   *     the task's own marks, or, after a reboot, from the boot id
   * @return false: nothing has changed
   */
  boolean update(UnaryOperator<TaskState> change, boolean sync) throws IOException {
    lock.lock();
    try {
      TaskState after = change.apply(state);
      if (after.equals(state)) {
        return false;
      }
      save(after, sync);
      state = after;
      news.signalAll();
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** As {@link #transition}, for when the disk does not matter any more. */
  void force(UnaryOperator<TaskState> change) throws IOException {
    lock.lock();
    try {
      state = change.apply(state);
      save(state, false);
    } finally {
      news.signalAll();
      lock.unlock();
    }
  }

  /**
   * A full disk must neither end a task nor keep one from being ended: then the state is true in
   * memory first, and written once there is room. Should the agent die before, the task's own marks
   * lead to the same state again.
   */
  private void save(TaskState what, boolean sync) throws IOException {
    try {
      write(directory, what, sync);
      unsaved = false;
    } catch (IOException e) {
      if (!Durable.isDiskFull(e)) {
        throw e;
      }
      unsaved = true;
    }
  }

  /** True: there still was no room. */
  boolean saveLater() throws IOException {
    if (unsaved) {
      lock.lock();
      try {
        save(state, false);
      } finally {
        lock.unlock();
      }
    }
    return unsaved;
  }

  static void write(Path directory, TaskState state, boolean sync) throws IOException {
    byte[] json = Json.lenient().writeValueAsBytes(state);
    Durable.write(directory.resolve("state.json"), json, "rw-------", sync);
  }

  // --- waiting -----------------------------------------------------------------------------------

  /** Something happened that the task's own thread should look at. */
  void wake() {
    lock.lock();
    try {
      woken = true;
      wake.signal();
    } finally {
      lock.unlock();
    }
  }

  /** For the task's own thread: until it is woken, at most so long. */
  void pause(long millis) throws InterruptedException {
    long left = TimeUnit.MILLISECONDS.toNanos(millis);
    lock.lock();
    try {
      while (!woken && left > 0) {
        left = wake.awaitNanos(left);
      }
      woken = false;
    } finally {
      lock.unlock();
    }
  }

  /** There is something that callers may be waiting for. */
  void announce() {
    lock.lock();
    try {
      news.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** For callers: until there is something new, at most so long. */
  void await(BooleanSupplier isNew, long nanos) throws InterruptedException {
    long left = nanos;
    lock.lock();
    try {
      while (!isNew.getAsBoolean() && left > 0) {
        left = news.awaitNanos(left);
      }
    } finally {
      lock.unlock();
    }
  }
}
