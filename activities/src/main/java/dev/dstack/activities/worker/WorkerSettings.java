package dev.dstack.activities.worker;

import dev.dstack.activities.catalog.CatalogRefresh;
import dev.dstack.activities.metrics.Retention;
import dev.dstack.model.config.ContainerDefaults;
import java.nio.file.Path;
import java.time.Duration;

/**
 * How the workers of one process are to behave.
 *
 * @param deployment names this installation, see {@link dev.dstack.db.records.Deployment}
 * @param logQuotaBytesPerHour 0: no limit
 * @param eventsKept zero: for ever
 * @param workflowCacheSize how many workflows stay in memory between their decisions
 * @param cloudCallsPerSecond over all workers, so that no provider throttles us
 * @param sweepDryRun machines without an owner are told of, not ended
 */
public record WorkerSettings(
    String deployment,
    Path serverDir,
    long logQuotaBytesPerHour,
    Duration hostUnreachableAfter,
    Duration hostProbeEvery,
    Duration offersEvery,
    Duration eventsKept,
    int workflowCacheSize,
    int agentSlots,
    double cloudCallsPerSecond,
    ContainerDefaults containers,
    Retention.Kept kept,
    CatalogRefresh catalog,
    boolean sweepDryRun) {
  public static WorkerSettings defaults(String deployment, Path serverDir) {
    return new WorkerSettings(
        deployment,
        serverDir,
        50L * 1024 * 1024,
        Duration.ofMinutes(2),
        Duration.ofSeconds(10),
        Duration.ofMinutes(3),
        Duration.ofDays(30),
        1_000,
        5_000,
        20,
        ContainerDefaults.STANDARD,
        Retention.Kept.STANDARD,
        CatalogRefresh.STANDARD,
        false);
  }

  public WorkerSettings withLogQuota(long bytesPerHour) {
    return with(bytesPerHour, eventsKept, workflowCacheSize, containers, kept);
  }

  public WorkerSettings withWorkflowCacheSize(int size) {
    return with(logQuotaBytesPerHour, eventsKept, size, containers, kept);
  }

  public WorkerSettings withEventsKept(Duration time) {
    return with(logQuotaBytesPerHour, time, workflowCacheSize, containers, kept);
  }

  public WorkerSettings withContainers(ContainerDefaults defaults) {
    return with(logQuotaBytesPerHour, eventsKept, workflowCacheSize, defaults, kept);
  }

  public WorkerSettings withKept(Retention.Kept times) {
    return with(logQuotaBytesPerHour, eventsKept, workflowCacheSize, containers, times);
  }

  private WorkerSettings with(
      long logQuota,
      Duration events,
      int cacheSize,
      ContainerDefaults defaults,
      Retention.Kept times) {
    return new WorkerSettings(
        deployment,
        serverDir,
        logQuota,
        hostUnreachableAfter,
        hostProbeEvery,
        offersEvery,
        events,
        cacheSize,
        agentSlots,
        cloudCallsPerSecond,
        defaults,
        times,
        catalog,
        sweepDryRun);
  }

  public WorkerSettings withCatalog(CatalogRefresh refresh) {
    return with(refresh, sweepDryRun);
  }

  public WorkerSettings withSweepDryRun(boolean dryRun) {
    return with(catalog, dryRun);
  }

  private WorkerSettings with(CatalogRefresh refresh, boolean dryRun) {
    return new WorkerSettings(
        deployment,
        serverDir,
        logQuotaBytesPerHour,
        hostUnreachableAfter,
        hostProbeEvery,
        offersEvery,
        eventsKept,
        workflowCacheSize,
        agentSlots,
        cloudCallsPerSecond,
        containers,
        kept,
        refresh,
        dryRun);
  }
}
