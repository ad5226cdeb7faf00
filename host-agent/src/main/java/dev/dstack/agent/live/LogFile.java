package dev.dstack.agent.live;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A log in a file that somebody appends to, perhaps another process: so it is looked at, a few
 * times a second and only while somebody follows. Who writes it in this process says so by {@link
 * #appended} and spares the reader the wait.
 */
public final class LogFile implements LiveLog, Closeable {
  private static final long LOOK_MILLIS = 40;

  private final Path file;
  private final BooleanSupplier complete;
  private final Times times;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition news = lock.newCondition();
  private @Nullable FileChannel opened;

  /** When which byte was written. */
  @FunctionalInterface
  public interface Times {
    long offsetAt(Instant since) throws IOException;
  }

  /**
   * @param complete the file will not grow any more
   */
  public LogFile(Path file, BooleanSupplier complete, Times times) {
    this.file = file;
    this.complete = complete;
    this.times = times;
  }

  /** From here on it can be read to its end even when it is removed. */
  public void hold() throws IOException {
    channel();
  }

  /** The file has grown, or is complete. */
  public void appended() {
    lock.lock();
    try {
      news.signalAll();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public int read(long offset, byte[] into) throws IOException {
    FileChannel channel = channel();
    return channel == null ? 0 : Math.max(0, channel.read(ByteBuffer.wrap(into), offset));
  }

  @Override
  public long offsetAt(Instant since) throws IOException {
    try {
      return times.offsetAt(since);
    } catch (NoSuchFileException e) {
      // Removed with the task; all of it is better than nothing.
      return 0;
    }
  }

  @Override
  public boolean await(long offset, Duration wait) throws IOException, InterruptedException {
    long deadline = System.nanoTime() + wait.toNanos();
    while (true) {
      // In this order: what was written before the end must be seen.
      boolean end = complete.getAsBoolean();
      if (size() > offset) {
        return true;
      }
      if (end) {
        return false;
      }
      long left = deadline - System.nanoTime();
      if (left <= 0) {
        return true;
      }
      lock.lock();
      try {
        news.awaitNanos(Math.min(left, TimeUnit.MILLISECONDS.toNanos(LOOK_MILLIS)));
      } finally {
        lock.unlock();
      }
    }
  }

  private long size() throws IOException {
    FileChannel channel = channel();
    return channel == null ? 0 : channel.size();
  }

  private @Nullable FileChannel channel() throws IOException {
    lock.lock();
    try {
      if (opened == null) {
        opened = FileChannel.open(file, StandardOpenOption.READ);
      }
      return opened;
    } catch (NoSuchFileException e) {
      return null;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void close() throws IOException {
    lock.lock();
    try {
      if (opened != null) {
        opened.close();
      }
    } finally {
      lock.unlock();
    }
  }
}
