package dev.dstack.activities.agent;

import dev.dstack.db.records.RunRecord;
import dev.dstack.db.records.RunSubmissions;
import dev.dstack.model.agent.TaskInfo;
import dev.dstack.model.agent.TaskStatus;
import dev.dstack.model.config.RunSpecs;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.model.json.Json;
import dev.dstack.model.wire.configuration.DevEnvironmentConfiguration;
import dev.dstack.model.wire.configuration.InactivityDuration;
import dev.dstack.model.wire.configuration.UtilizationPolicy;
import dev.dstack.model.wire.run.RunSpec;
import dev.dstack.workflows.job.AgentActivities.TaskRef;
import dev.dstack.workflows.job.TaskNews;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The rules of a run that end a task which does nothing wrong. They are read again and again: an
 * update of the run changes them in place.
 */
final class TaskRules {
  private static final long READ_EVERY_NANOS = Duration.ofSeconds(5).toNanos();

  private final RunSubmissions runs;
  private final GpuIdleness gpus;
  private final InstantSource clock;
  private final TaskRef task;

  private boolean none;
  private boolean read;
  private long readAt;
  private @Nullable Duration inactivity;
  private @Nullable UtilizationPolicy utilization;

  private @Nullable Instant unusedSince;
  private Duration unusedBefore = Duration.ZERO;
  private long unusedFrom;
  private boolean seen;
  private long seenAt;

  TaskRules(RunSubmissions runs, GpuIdleness gpus, InstantSource clock, TaskRef task) {
    this.runs = runs;
    this.gpus = gpus;
    this.clock = clock;
    this.task = task;
  }

  /** What rule the task breaks now. */
  Optional<TaskNews.ShouldEnd> broken(TaskInfo info) {
    if (none || info.status() != TaskStatus.RUNNING) {
      return Optional.empty();
    }
    long nanos = System.nanoTime();
    if (read && nanos - readAt < READ_EVERY_NANOS) {
      return unused(info, nanos);
    }
    read(nanos);
    Optional<TaskNews.ShouldEnd> unused = unused(info, nanos);
    return unused.isPresent() ? unused : underused();
  }

  /** Until a rule may be broken, if nothing else happens. */
  Duration patience(TaskInfo info, Duration otherwise) {
    Duration limit = inactivity;
    if (limit == null || info.unusedSince() == null) {
      return otherwise;
    }
    Duration left = limit.minus(unusedFor(System.nanoTime()));
    if (left.compareTo(otherwise) >= 0) {
      return otherwise;
    }
    return left.compareTo(Duration.ofMillis(200)) < 0 ? Duration.ofMillis(200) : left;
  }

  private void read(long nanos) {
    Optional<RunRecord> run = runs.find(task.run());
    if (run.isEmpty()) {
      return;
    }
    RunSpec spec = Json.lenient().readValue(run.get().specJson(), RunSpec.class);
    utilization = RunSpecs.profile(spec).utilizationPolicy();
    inactivity = null;
    boolean dev = false;
    if (spec.configuration() instanceof DevEnvironmentConfiguration environment) {
      dev = true;
      InactivityDuration written = environment.inactivityDuration();
      inactivity = written == null ? null : written.duration();
    }
    // The others can't get such a rule later.
    none = !dev && utilization == null;
    read = true;
    readAt = nanos;
  }

  /**
   * The host's word says since when; how long that is, is measured here, so that a clock that is
   * set in the meantime ends nothing.
   */
  private Optional<TaskNews.ShouldEnd> unused(TaskInfo info, long nanos) {
    Instant since = info.unusedSince();
    if (since != null && !since.equals(unusedSince)) {
      unusedFrom = nanos;
      unusedBefore = already(since, nanos);
    }
    unusedSince = since;
    seen = true;
    seenAt = nanos;
    if (since == null) {
      return Optional.empty();
    }
    Duration limit = inactivity;
    if (limit == null || unusedFor(nanos).compareTo(limit) < 0) {
      return Optional.empty();
    }
    return Optional.of(
        new TaskNews.ShouldEnd(
            JobTerminationReason.INACTIVITY_DURATION_EXCEEDED,
            "Nobody has been logged in for " + limit.toSeconds() + "s (inactivity_duration)"));
  }

  /** No longer than since the last look, when it was another time or there was somebody. */
  private Duration already(Instant since, long nanos) {
    Duration already = Duration.between(since, clock.instant());
    if (already.isNegative()) {
      return Duration.ZERO;
    }
    Duration most = seen ? Duration.ofNanos(nanos - seenAt) : already;
    return already.compareTo(most) < 0 ? already : most;
  }

  private Duration unusedFor(long nanos) {
    return unusedBefore.plusNanos(nanos - unusedFrom);
  }

  private Optional<TaskNews.ShouldEnd> underused() {
    UtilizationPolicy policy = utilization;
    if (policy == null
        || !gpus.below(task.job(), policy.timeWindow().duration(), policy.minGpuUtilization())) {
      return Optional.empty();
    }
    return Optional.of(
        new TaskNews.ShouldEnd(
            JobTerminationReason.TERMINATED_DUE_TO_UTILIZATION_POLICY,
            "An accelerator has been used less than "
                + policy.minGpuUtilization()
                + "% for "
                + policy.timeWindow().duration().toSeconds()
                + "s (utilization_policy)"));
  }
}
