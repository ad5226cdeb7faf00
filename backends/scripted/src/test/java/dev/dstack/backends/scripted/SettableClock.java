package dev.dstack.backends.scripted;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;

/** Time goes on when the test says so. */
final class SettableClock implements InstantSource {
  private volatile Instant now = Instant.parse("2026-11-21T10:00:00.123456Z");

  @Override
  public Instant instant() {
    return now;
  }

  void pass(Duration time) {
    now = now.plus(time);
  }
}
