package dev.dstack.activities.worker;

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
    double cloudCallsPerSecond) {
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
        20);
  }

  public WorkerSettings withLogQuota(long bytesPerHour) {
    return new WorkerSettings(
        deployment,
        serverDir,
        bytesPerHour,
        hostUnreachableAfter,
        hostProbeEvery,
        offersEvery,
        eventsKept,
        workflowCacheSize,
        agentSlots,
        cloudCallsPerSecond);
  }

  public WorkerSettings withWorkflowCacheSize(int size) {
    return new WorkerSettings(
        deployment,
        serverDir,
        logQuotaBytesPerHour,
        hostUnreachableAfter,
        hostProbeEvery,
        offersEvery,
        eventsKept,
        size,
        agentSlots,
        cloudCallsPerSecond);
  }

  public WorkerSettings withEventsKept(Duration kept) {
    return new WorkerSettings(
        deployment,
        serverDir,
        logQuotaBytesPerHour,
        hostUnreachableAfter,
        hostProbeEvery,
        offersEvery,
        kept,
        workflowCacheSize,
        agentSlots,
        cloudCallsPerSecond);
  }
}
