package dev.dstack.workflows.run;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.dstack.model.job.RetryEvent;
import dev.dstack.model.offer.Requirements;
import dev.dstack.model.wire.configuration.StartupOrder;
import dev.dstack.model.wire.configuration.StopCriteria;
import dev.dstack.workflows.fleet.FleetAnswer.Refusal;
import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.fleet.InstancePin;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a run's specification means to its workflow: no values of environment variables, no
 * commands, no secrets.
 *
 * @param priority 0 to 100, higher first
 * @param retry absent: a failure is final
 * @param stopDuration between TERM and KILL of a graceful stop
 * @param cron UTC; empty: once and now
 * @param fleets candidates in the order they are to be asked
 * @param mayCreate whether a fleet may make new instances for it
 * @param idleDuration how long instances made for it may be idle, if less than their fleet allows
 * @param pins the only instances that will do; empty: any
 * @param nodes absent: its replicas have one job each
 * @param leftOut fleets that are no candidates, and why; only told, never decided by
 */
public record RunPlan(
    String type,
    int priority,
    @Nullable RetryPlan retry,
    @Nullable Duration maxDuration,
    Duration stopDuration,
    List<String> cron,
    List<FleetRef> fleets,
    boolean mayCreate,
    List<JobPlan> jobs,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Duration idleDuration,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) List<InstancePin> pins,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable NodesPlan nodes,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) List<Refusal> leftOut) {
  public RunPlan {
    cron = List.copyOf(cron);
    fleets = List.copyOf(fleets);
    jobs = List.copyOf(jobs);
    // Older histories do not have them.
    pins = pins == null ? List.of() : List.copyOf(pins);
    leftOut = leftOut == null ? List.of() : List.copyOf(leftOut);
  }

  public RunPlan withNodes(@Nullable NodesPlan together) {
    return new RunPlan(
        type,
        priority,
        retry,
        maxDuration,
        stopDuration,
        cron,
        fleets,
        mayCreate,
        jobs,
        idleDuration,
        pins,
        together,
        leftOut);
  }

  /** With the fleets of the project that are no candidates, and why. */
  public RunPlan leavingOut(List<Refusal> others) {
    return new RunPlan(
        type,
        priority,
        retry,
        maxDuration,
        stopDuration,
        cron,
        fleets,
        mayCreate,
        jobs,
        idleDuration,
        pins,
        nodes,
        others);
  }

  /** In which order the nodes of a replica start, and when they are all done. */
  public record NodesPlan(StartupOrder startupOrder, StopCriteria stopCriteria) {}

  /**
   * @param duration how long after the first failure of its kind a retry may still start
   */
  public record RetryPlan(Set<RetryEvent> onEvents, Duration duration) {
    public RetryPlan {
      onEvents = Set.copyOf(onEvents);
    }
  }

  public record JobPlan(
      int replicaNum, int jobNum, String jobName, Requirements requirements, List<String> volumes) {
    public JobPlan {
      volumes = List.copyOf(volumes);
    }
  }
}
