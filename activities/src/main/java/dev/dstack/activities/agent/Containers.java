package dev.dstack.activities.agent;

import dev.dstack.model.agent.AccessRequest;
import dev.dstack.model.agent.ContainerRequest;
import dev.dstack.model.agent.ContainerRequest.Mount;
import dev.dstack.model.agent.ContainerRequest.PortMap;
import dev.dstack.model.agent.ContainerRequest.RegistryAuth;
import dev.dstack.model.config.ContainerDefaults;
import dev.dstack.model.resources.Resources;
import dev.dstack.model.wire.configuration.InstanceMountPoint;
import dev.dstack.model.wire.configuration.MountPoint;
import dev.dstack.model.wire.configuration.VolumeMountPoint;
import dev.dstack.model.wire.resources.Memory;
import dev.dstack.model.wire.run.AppSpec;
import dev.dstack.model.wire.run.JobSpec;
import dev.dstack.workflows.fleet.Placement;
import dev.dstack.workflows.job.AgentActivities.TaskRef;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** What a job's container is made of. */
final class Containers {
  private static final long MIB = 1024 * 1024;

  private Containers() {}

  /**
   * @param own the run's credentials, with its secrets; absent: those of the default registry
   */
  static ContainerRequest of(
      TaskRef task,
      JobSpec job,
      Placement placement,
      ContainerDefaults defaults,
      @Nullable RegistryAuth own) {
    Resources taken = placement.taken();
    boolean shared = placement.shared();
    boolean hostNetwork = defaults.hostNetwork(shared, job.jobsPerReplica());
    Memory shm = job.requirements().resources().shmSize();
    return new ContainerRequest(
        defaults.pulled(job.imageName()),
        own == null ? defaults.authFor(job.imageName()) : own,
        null,
        job.privileged(),
        shared ? taken.cpus() : 0,
        shared ? taken.memoryMib() * MIB : 0,
        shm == null ? 0 : shm.mib() * MIB,
        placement.gpuIndexes(),
        hostNetwork,
        hostNetwork ? List.of() : ports(job),
        mounts(job),
        Map.of(
            "dstack.project", task.project(),
            "dstack.run", task.runName(),
            "dstack.job", job.jobName()));
  }

  private static List<PortMap> ports(JobSpec job) {
    Set<Integer> ports = new TreeSet<>();
    ports.add(AccessRequest.SSH_PORT);
    List<AppSpec> apps = job.appSpecs();
    if (apps != null) {
      apps.forEach(app -> ports.add(app.port()));
    }
    return ports.stream().map(port -> new PortMap(port, 0)).toList();
  }

  private static List<Mount> mounts(JobSpec job) {
    List<MountPoint> volumes = job.volumes() == null ? List.of() : job.volumes();
    List<Mount> mounts = new ArrayList<>();
    for (MountPoint volume : volumes) {
      switch (volume) {
        case InstanceMountPoint(String source, String target, boolean optional) ->
            mounts.add(new Mount(source, target, false, optional));
        case VolumeMountPoint _ -> {
          // The host's agent adds it once it knows where the volume is.
        }
      }
    }
    return mounts;
  }
}
