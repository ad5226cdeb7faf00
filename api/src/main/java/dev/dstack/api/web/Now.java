package dev.dstack.api.web;

import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;

/** The clock of the API, as exact as the database keeps it. */
public record Now(InstantSource clock) {
  public Instant instant() {
    return clock.instant().truncatedTo(ChronoUnit.MICROS);
  }
}
