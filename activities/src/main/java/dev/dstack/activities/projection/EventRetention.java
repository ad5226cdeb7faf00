package dev.dstack.activities.projection;

import dev.dstack.db.Database;
import dev.dstack.db.records.Events;
import java.time.Duration;
import java.time.InstantSource;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Forgets events when their time is over, once an hour; several workers doing so do no harm. */
public final class EventRetention implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(EventRetention.class);

  private final Database database;
  private final InstantSource clock;
  private final Duration kept;
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("dstack-event-retention").factory());

  /**
   * @param kept zero: for ever
   */
  public EventRetention(Database database, InstantSource clock, Duration kept) {
    this.database = database;
    this.clock = clock;
    this.kept = kept;
  }

  public void start() {
    if (!kept.isZero()) {
      timer.scheduleWithFixedDelay(this::forgetQuietly, 1, 60, TimeUnit.MINUTES);
    }
  }

  private void forgetQuietly() {
    try {
      int forgotten = Events.deleteBefore(database, clock.instant().minus(kept));
      if (forgotten > 0) {
        LOG.info("forgot {} events older than {}", forgotten, kept);
      }
    } catch (RuntimeException e) {
      LOG.warn("old events can't be deleted now: {}", e.getMessage());
    }
  }

  @Override
  public void close() {
    timer.shutdownNow();
  }
}
