package dev.dstack.workflows.run;

import dev.dstack.model.job.RetryEvent;
import dev.dstack.model.offer.Requirements;
import dev.dstack.workflows.fleet.FleetRef;
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
    List<JobPlan> jobs) {
  public RunPlan {
    cron = List.copyOf(cron);
    fleets = List.copyOf(fleets);
    jobs = List.copyOf(jobs);
  }

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
