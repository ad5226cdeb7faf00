package dev.dstack.activities.metrics;

import dev.dstack.db.Database;
import dev.dstack.db.log.LogRetention;
import dev.dstack.db.log.LogStore;
import dev.dstack.db.metrics.HostChecks;
import dev.dstack.db.metrics.JobSamples;
import dev.dstack.db.records.UploadRetention;
import java.time.Duration;
import java.time.InstantSource;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Forgets samples, logs, health checks and uploads when their time is over; several workers doing
 * so do no harm.
 */
public final class Retention implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Retention.class);

  /**
   * How long things are kept.
   *
   * @param samplesOfRunning samples of jobs that run
   * @param samplesOfFinished samples of jobs that have ended
   * @param logs after the end of a job; zero: for ever
   * @param health how long it is known how a host's accelerators were
   * @param uploads files and diffs that no run needs, after somebody asked for them last; zero: for
   *     ever
   */
  public record Kept(
      Duration samplesOfRunning,
      Duration samplesOfFinished,
      Duration logs,
      Duration health,
      Duration uploads) {
    /** Submitting a run may take that long after its files were asked for. */
    private static final Duration LEAST_UPLOADS = Duration.ofHours(2);

    public static final Kept STANDARD =
        new Kept(
            Duration.ofHours(1),
            Duration.ofDays(7),
            Duration.ZERO,
            Duration.ofDays(7),
            Duration.ofDays(1));

    public Kept {
      if (!uploads.isZero() && uploads.compareTo(LEAST_UPLOADS) < 0) {
        uploads = LEAST_UPLOADS;
      }
    }
  }

  private final JobSamples samples;
  private final LogRetention logs;
  private final HostChecks checks;
  private final UploadRetention uploads;
  private final InstantSource clock;
  private final Kept kept;
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("dstack-retention").factory());

  public Retention(
      Database database, JobSamples samples, LogStore logs, InstantSource clock, Kept kept) {
    this.samples = samples;
    this.logs = new LogRetention(database, logs, kept.logs());
    this.checks = new HostChecks(database);
    this.uploads = new UploadRetention(database);
    this.clock = clock;
    this.kept = kept;
  }

  public void start() {
    timer.scheduleWithFixedDelay(this::expireSamples, 60, 60, TimeUnit.SECONDS);
    timer.scheduleWithFixedDelay(this::deleteLogs, 2, 10, TimeUnit.MINUTES);
    timer.scheduleWithFixedDelay(this::deleteChecks, 3, 10, TimeUnit.MINUTES);
    if (!kept.uploads().isZero()) {
      timer.scheduleWithFixedDelay(this::deleteUploads, 4, 60, TimeUnit.MINUTES);
    }
  }

  private void expireSamples() {
    try {
      samples.expire(kept.samplesOfRunning(), kept.samplesOfFinished(), clock.instant());
    } catch (RuntimeException e) {
      LOG.warn("old samples can't be deleted now: {}", e.getMessage());
    }
  }

  private void deleteLogs() {
    try {
      int deleted = logs.run(clock.instant());
      if (deleted > 0) {
        LOG.info("deleted the logs of {} jobs whose time is over", deleted);
      }
    } catch (RuntimeException e) {
      LOG.warn("old logs can't be deleted now: {}", e.getMessage());
    }
  }

  private void deleteChecks() {
    try {
      checks.expire(clock.instant().minus(kept.health()));
    } catch (RuntimeException e) {
      LOG.warn("old health checks can't be deleted now: {}", e.getMessage());
    }
  }

  private void deleteUploads() {
    try {
      int deleted = uploads.run(clock.instant().minus(kept.uploads()));
      if (deleted > 0) {
        LOG.info("deleted {} uploaded archives and diffs that no run needs", deleted);
      }
    } catch (RuntimeException e) {
      LOG.warn("uploads that no run needs can't be deleted now: {}", e.getMessage());
    }
  }

  @Override
  public void close() {
    timer.shutdownNow();
  }
}
