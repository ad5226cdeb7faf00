package dev.dstack.db.log.cloudwatch;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import software.amazon.awssdk.services.cloudwatchlogs.model.InputLogEvent;

/** Cuts frames into batches that PutLogEvents takes. */
final class Batches {
  static final int EVENTS = 10_000;
  static final int BYTES = 1024 * 1024;
  static final int OVERHEAD_BYTES = 26;
  private static final long SPAN_MILLIS = Duration.ofHours(24).toMillis();

  // What is older than the group keeps it, or too far ahead, would be refused: it comes under the
  // nearest time that is taken, and says its own time in the text.
  private static final Duration PAST = Duration.ofHours(23);
  private static final Duration FUTURE = Duration.ofMinutes(110);

  private Batches() {}

  /**
   * @param end the offset behind its last frame
   */
  record Batch(List<InputLogEvent> events, long end) {
    Batch {
      events = List.copyOf(events);
    }

    long lastMillis() {
      return events.getLast().timestamp();
    }
  }

  /**
   * @param lastMillis of the event before; times never go back, so that a stream keeps the order of
   *     its log
   */
  static List<Batch> of(List<LoggedFrame> frames, long lastMillis, Instant now) {
    List<Batch> batches = new ArrayList<>();
    List<InputLogEvent> events = new ArrayList<>();
    long bytes = 0;
    long end = 0;
    long last = lastMillis;
    for (LoggedFrame frame : frames) {
      long millis =
          Math.min(
              Math.max(Math.max(frame.millis(), last), now.minus(PAST).toEpochMilli()),
              now.plus(FUTURE).toEpochMilli());
      String text = frame.text();
      int size = text.getBytes(StandardCharsets.UTF_8).length + OVERHEAD_BYTES;
      boolean full =
          events.size() == EVENTS
              || bytes + size > BYTES
              || (!events.isEmpty() && millis - events.getFirst().timestamp() > SPAN_MILLIS);
      if (full) {
        batches.add(new Batch(events, end));
        events = new ArrayList<>();
        bytes = 0;
      }
      events.add(InputLogEvent.builder().timestamp(millis).message(text).build());
      bytes += size;
      end = frame.end();
      last = millis;
    }
    if (!events.isEmpty()) {
      batches.add(new Batch(events, end));
    }
    return batches;
  }
}
