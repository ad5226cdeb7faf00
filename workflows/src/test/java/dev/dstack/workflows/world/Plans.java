package dev.dstack.workflows.world;

import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.run.RunPlan;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Plans of runs: what a test does not care about is as most runs have it. */
public final class Plans {
  private final List<FleetRef> fleets;
  private final List<RunPlan.JobPlan> jobs;
  private int priority;
  private RunPlan.@Nullable RetryPlan retry;
  private @Nullable Duration maxDuration;
  private List<String> cron = List.of();
  private boolean mayCreate = true;

  private Plans(List<FleetRef> fleets, List<RunPlan.JobPlan> jobs) {
    this.fleets = fleets;
    this.jobs = jobs;
  }

  public static Plans of(List<FleetRef> fleets, List<RunPlan.JobPlan> jobs) {
    return new Plans(fleets, jobs);
  }

  /** One job that asks for so many processors. */
  public static Plans of(FleetRef fleet, int cpus, String... volumes) {
    return of(
        List.of(fleet),
        List.of(new RunPlan.JobPlan(0, 0, "hello-0-0", Stage.cpus(cpus), List.of(volumes))));
  }

  public Plans priority(int wanted) {
    priority = wanted;
    return this;
  }

  public Plans retry(RunPlan.@Nullable RetryPlan wanted) {
    retry = wanted;
    return this;
  }

  public Plans maxDuration(@Nullable Duration wanted) {
    maxDuration = wanted;
    return this;
  }

  public Plans cron(String... times) {
    cron = List.of(times);
    return this;
  }

  public Plans mayCreate(boolean may) {
    mayCreate = may;
    return this;
  }

  public RunPlan plan() {
    return new RunPlan(
        "task",
        priority,
        retry,
        maxDuration,
        Duration.ofSeconds(10),
        cron,
        fleets,
        mayCreate,
        jobs,
        null,
        List.of(),
        null,
        List.of());
  }
}
