package dev.dstack.model.agent;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a task's container is made of. Absent from a {@link TaskRequest} the task is a host process.
 *
 * @param image a reference as {@code docker pull} takes it; with a digest it is pinned
 * @param registry credentials for pulling; absent: anonymous
 * @param entrypoint absent: the image's own. Used only when the task has no command
 * @param cpus how many processors' time the container may use; 0: all of the host
 * @param memoryBytes limit of memory; 0: all of the host
 * @param shmBytes size of /dev/shm; 0: the engine's default
 * @param gpus indexes of the host's accelerators it may use; empty: none
 * @param hostNetwork the host's network instead of one of its own
 * @param ports what must be reachable on the host; ignored with {@code hostNetwork}
 * @param mounts directories of the host and volumes that are attached to it
 */
public record ContainerRequest(
    String image,
    @Nullable RegistryAuth registry,
    @Nullable List<String> entrypoint,
    boolean privileged,
    double cpus,
    long memoryBytes,
    long shmBytes,
    List<Integer> gpus,
    boolean hostNetwork,
    List<PortMap> ports,
    List<Mount> mounts,
    Map<String, String> labels) {
  public ContainerRequest {
    entrypoint = entrypoint == null ? null : List.copyOf(entrypoint);
    gpus = List.copyOf(gpus);
    ports = List.copyOf(ports);
    mounts = List.copyOf(mounts);
    labels = Map.copyOf(labels);
  }

  /** Both may be empty; never printed. */
  public record RegistryAuth(String username, String password) {
    @Override
    public String toString() {
      return "RegistryAuth[" + username + "]";
    }
  }

  /**
   * @param hostPort 0: any free one, told in {@link TaskInfo#ports}
   */
  public record PortMap(int containerPort, int hostPort) {}

  /**
   * @param source absolute path on the host
   * @param optional leave it out when the host does not have the source
   */
  public record Mount(String source, String target, boolean readOnly, boolean optional) {}
}
