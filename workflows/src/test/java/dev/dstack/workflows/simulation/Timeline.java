package dev.dstack.workflows.simulation;

import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Random;

/** Simulated time: what is to happen when, in an order that follows from the seed. */
final class Timeline {
  private record Entry(Instant at, long number, Runnable what) implements Comparable<Entry> {
    @Override
    public int compareTo(Entry other) {
      int order = at.compareTo(other.at);
      return order != 0 ? order : Long.compare(number, other.number);
    }
  }

  private final Random random;
  private final PriorityQueue<Entry> queue = new PriorityQueue<>();
  private final Map<String, Instant> lastBetween = new HashMap<>();
  private Instant now;
  private long number;

  Timeline(Random random, Instant start) {
    this.random = random;
    this.now = start;
  }

  Instant now() {
    return now;
  }

  void at(Instant when, Runnable what) {
    queue.add(new Entry(when.isBefore(now) ? now : when, number++, what));
  }

  void in(Duration from, Duration to, Runnable what) {
    at(now.plus(between(from, to)), what);
  }

  /** In the order in which one tells the other; their delays differ. */
  Instant inOrder(String between, Duration from, Duration to, Runnable what) {
    Instant when = now.plus(between(from, to));
    Instant last = lastBetween.get(between);
    if (last != null && when.isBefore(last)) {
      when = last;
    }
    lastBetween.put(between, when);
    at(when, what);
    return when;
  }

  private Duration between(Duration from, Duration to) {
    long span = to.toMillis() - from.toMillis();
    return from.plusMillis(span <= 0 ? 0 : random.nextLong(span));
  }

  /** False: nothing more happens, or not before the limit. */
  boolean step(Instant limit) {
    Entry next = queue.peek();
    if (next == null || next.at().isAfter(limit)) {
      return false;
    }
    queue.poll();
    now = next.at();
    next.what().run();
    return true;
  }
}
