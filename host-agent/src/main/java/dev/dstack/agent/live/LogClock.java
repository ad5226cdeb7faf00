package dev.dstack.agent.live;

import java.time.Instant;
import java.util.Arrays;

/**
 * When which byte of a log was written, to about a second: enough for {@code --since}. It keeps a
 * fixed number of marks and forgets every other one when they are used up.
 */
public final class LogClock implements LogFile.Times {
  private static final int MARKS = 4096;

  private final long[] millis = new long[MARKS];
  private final long[] offsets = new long[MARKS];
  private int count;
  private long everyMillis = 500;

  /** Output that begins at {@code offset} was written now. */
  public synchronized void mark(long offset, Instant now) {
    long at = now.toEpochMilli();
    if (count > 0 && at - millis[count - 1] < everyMillis) {
      return;
    }
    if (count == MARKS) {
      for (int i = 0; i < MARKS / 2; i++) {
        millis[i] = millis[2 * i];
        offsets[i] = offsets[2 * i];
      }
      count = MARKS / 2;
      everyMillis *= 2;
    }
    // A clock that was set back must not break the order.
    millis[count] = count == 0 ? at : Math.max(at, millis[count - 1]);
    offsets[count] = offset;
    count++;
  }

  /** Rather a second too much than a line too little. */
  @Override
  public synchronized long offsetAt(Instant since) {
    int found = Arrays.binarySearch(millis, 0, count, since.toEpochMilli());
    int mark = found >= 0 ? found : -found - 2;
    return mark < 0 ? 0 : offsets[mark];
  }
}
