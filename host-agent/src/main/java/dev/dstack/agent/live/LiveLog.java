package dev.dstack.agent.live;

import java.io.IOException;
import java.time.Duration;
import java.time.Instant;

/** The raw output of one task, growing. */
public interface LiveLog {
  /**
   * Reads what is there.
   *
   * @return number of bytes; 0: nothing there yet
   */
  int read(long offset, byte[] into) throws IOException;

  /** The first byte that was written at that time or later. */
  long offsetAt(Instant since) throws IOException;

  /**
   * Waits until there is more than {@code offset} or nothing will come any more.
   *
   * @return false: nothing more will come, and all of it can be read now
   */
  boolean await(long offset, Duration wait) throws IOException, InterruptedException;
}
