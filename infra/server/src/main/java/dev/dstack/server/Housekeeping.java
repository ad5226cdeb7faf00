package dev.dstack.server;

import dev.dstack.db.Database;
import dev.dstack.db.records.Events;
import java.time.Duration;
import java.time.InstantSource;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Forgets what is kept for a time only. Every worker does it; doing it twice does no harm. */
final class Housekeeping implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Housekeeping.class);
  private static final Duration INTERVAL = Duration.ofMinutes(7);

  private final Database database;
  private final InstantSource clock;
  private final Duration eventsTtl;
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("housekeeping").factory());

  /**
   * @param database of role WORKER; it is not closed with this
   * @param eventsTtl zero: events are kept for ever
   */
  Housekeeping(Database database, InstantSource clock, Duration eventsTtl) {
    this.database = database;
    this.clock = clock;
    this.eventsTtl = eventsTtl;
  }

  void start() {
    timer.scheduleWithFixedDelay(
        this::tidy, INTERVAL.toSeconds(), INTERVAL.toSeconds(), TimeUnit.SECONDS);
  }

  private void tidy() {
    try {
      if (eventsTtl.isPositive()) {
        int deleted = Events.deleteBefore(database, clock.instant().minus(eventsTtl));
        if (deleted > 0) {
          log.info("{} events older than {} days deleted", deleted, eventsTtl.toDays());
        }
      }
    } catch (RuntimeException e) {
      // The database may be away; the next round comes.
      log.warn("old events were not deleted: {}", e.toString());
    }
  }

  @Override
  public void close() {
    timer.shutdownNow();
  }
}
