package dev.dstack.agent.task;

import dev.dstack.agent.docker.Cgroup;
import dev.dstack.agent.docker.ContainerHost;
import dev.dstack.agent.host.GpuUsage;
import dev.dstack.agent.host.HostResources;
import dev.dstack.model.agent.ContainerRequest;
import dev.dstack.model.agent.TaskMetrics;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** What a container uses, and which of its limits it met. */
final class ContainerUsage {
  private final ContainerHost host;
  private final String name;
  private final ContainerRequest request;
  private volatile long pid;
  private Cgroup.@Nullable Usage last;
  private boolean oomKilled;

  ContainerUsage(ContainerHost host, String name, ContainerRequest request) {
    this.host = host;
    this.name = name;
    this.request = request;
  }

  /** Of its first process, as the host sees it. */
  void pid(long value) {
    pid = value;
  }

  /** Takes note while the control group still exists. */
  void sample() {
    Cgroup.of(pid).flatMap(Cgroup::read).ifPresent(usage -> last = usage);
  }

  void ended(boolean oom) {
    oomKilled = oom;
  }

  /** In words, how a command ended with this status. */
  String story(int status) {
    Cgroup.Usage usage = last;
    if (oomKilled || (usage != null && usage.oomKills() > 0)) {
      return ContainerEnding.outOfMemory(request);
    }
    if (usage != null && usage.refusedForks() > 0) {
      return "it reached the limit of " + ContainerFiles.pids(request) + " processes and threads";
    }
    return Endings.story(status).replace("; the host may have run out of memory", "");
  }

  Optional<TaskMetrics> measure(Instant now) throws InterruptedException {
    Optional<Cgroup.Usage> usage = Cgroup.of(pid).flatMap(Cgroup::read);
    if (usage.isEmpty()) {
      usage = host.stats(name).flatMap(ContainerUsage::ofEngine);
    }
    return usage.map(
        used ->
            new TaskMetrics(
                now,
                used.cpuMicros(),
                used.memoryBytes(),
                used.workingSetBytes(),
                request.cpus() > 0 ? request.cpus() : HostResources.processors(),
                used.memoryLimitBytes() > 0 ? used.memoryLimitBytes() : HostResources.memoryBytes(),
                request.gpus().isEmpty() ? List.of() : GpuUsage.of(request.gpus())));
  }

  /** Where the agent can't see the control groups of the host. */
  private static Optional<Cgroup.Usage> ofEngine(JsonNode stats) {
    JsonNode memory = stats.path("memory_stats");
    long used = memory.path("usage").asLong(0);
    if (used == 0) {
      return Optional.empty();
    }
    JsonNode detail = memory.path("stats");
    long inactive =
        detail.path("total_inactive_file").asLong(detail.path("inactive_file").asLong(0));
    return Optional.of(
        new Cgroup.Usage(
            stats.path("cpu_stats").path("cpu_usage").path("total_usage").asLong(0) / 1_000,
            used,
            Math.max(0, used - inactive),
            memory.path("limit").asLong(0),
            0,
            0));
  }
}
