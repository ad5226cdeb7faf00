package dev.dstack.agent.docker;

import dev.dstack.model.agent.ContainerRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Everything a container is made of.
 *
 * @param name the same for the same task, so that making it twice makes one
 * @param image its id: the name may mean another one by now
 * @param user absent: the image's
 * @param command argv of its first process
 * @param env beyond the image's; never what a task was given, which anybody who may ask the engine
 *     could read
 * @param binds what the runner needs of the host
 * @param ports of the container → of the host; 0: any
 * @param forPeers those of them that other hosts reach, too; the rest are on the host's loopback
 * @param pids how many processes and threads it may have
 */
public record Blueprint(
    String name,
    String image,
    @Nullable String user,
    List<String> command,
    Map<String, String> env,
    Map<String, String> labels,
    List<Bind> binds,
    Map<Integer, Integer> ports,
    Set<Integer> forPeers,
    ContainerRequest request,
    long pids) {
  private static final long NANOS = 1_000_000_000;
  private static final double LEAST_CPUS = 0.01;

  /** Can't be handed to a container. */
  static final class ImpossibleException extends Exception {
    private static final long serialVersionUID = 1L;

    ImpossibleException(String message) {
      super(message);
    }
  }

  public record Bind(Path source, String target, boolean readOnly) {}

  ObjectNode json(EngineInfo engine, Accelerators accelerators)
      throws IOException, ImpossibleException {
    ObjectNode container = JsonNodeFactory.instance.objectNode();
    container.put("Image", image);
    if (user != null && !user.isBlank()) {
      container.put("User", user);
    }
    ArrayNode entrypoint = container.putArray("Entrypoint");
    command.forEach(entrypoint::add);
    container.putArray("Cmd");
    ArrayNode variables = container.putArray("Env");
    env.forEach((key, value) -> variables.add(key + "=" + value));
    ObjectNode tags = container.putObject("Labels");
    labels.forEach(tags::put);
    // The image's own check knows nothing of the command that runs instead of its.
    container.putObject("Healthcheck").putArray("Test").add("NONE");
    container.put("StopSignal", "SIGTERM");
    ObjectNode host = container.putObject("HostConfig");
    limits(host, engine);
    isolation(host);
    network(container, host);
    mounts(host);
    String problem = accelerators.add(container, host, request.gpus(), engine);
    if (!problem.isEmpty()) {
      throw new ImpossibleException(problem);
    }
    return container;
  }

  private void limits(ObjectNode host, EngineInfo engine) {
    if (request.cpus() > 0) {
      double most = engine.cpus() > 0 ? engine.cpus() : request.cpus();
      double cpus = Math.max(LEAST_CPUS, Math.min(request.cpus(), most));
      host.put("NanoCpus", Math.round(cpus * NANOS));
    }
    if (request.memoryBytes() > 0) {
      host.put("Memory", request.memoryBytes());
      // The same, which means: no swap on top.
      host.put("MemorySwap", request.memoryBytes());
    }
    if (request.shmBytes() > 0) {
      host.put("ShmSize", request.shmBytes());
    }
    host.put("PidsLimit", pids);
    ObjectNode log = host.putObject("LogConfig");
    log.put("Type", "json-file");
    log.putObject("Config").put("max-size", "1m").put("max-file", "1");
  }

  private void isolation(ObjectNode host) {
    // As the first process it takes in orphans, which the runner does not.
    host.put("Init", true);
    host.putObject("RestartPolicy").put("Name", "no");
    if (request.privileged()) {
      host.put("Privileged", true);
    } else {
      host.putArray("CapDrop").add("MKNOD").add("NET_RAW");
    }
  }

  private void network(ObjectNode container, ObjectNode host) {
    host.put("NetworkMode", request.hostNetwork() ? "host" : "bridge");
    if (request.hostNetwork() || ports.isEmpty()) {
      return;
    }
    ObjectNode exposed = container.putObject("ExposedPorts");
    ObjectNode bindings = host.putObject("PortBindings");
    ports.forEach(
        (inside, outside) -> {
          exposed.putObject(inside + "/tcp");
          ObjectNode binding = bindings.putArray(inside + "/tcp").addObject();
          binding.put("HostIp", forPeers.contains(inside) ? "0.0.0.0" : "127.0.0.1");
          binding.put("HostPort", outside == 0 ? "" : Integer.toString(outside));
        });
  }

  private void mounts(ObjectNode host) throws IOException {
    ArrayNode mounts = host.putArray("Mounts");
    for (Bind bind : binds) {
      mount(mounts, bind.source().toString(), bind.target(), bind.readOnly());
    }
    for (ContainerRequest.Mount mount : request.mounts()) {
      Path source = Path.of(mount.source());
      if (!Files.exists(source)) {
        if (mount.optional()) {
          continue;
        }
        Files.createDirectories(source);
      }
      mount(mounts, mount.source(), mount.target(), mount.readOnly());
    }
  }

  private static void mount(ArrayNode mounts, String source, String target, boolean readOnly) {
    ObjectNode mount = mounts.addObject();
    mount.put("Type", "bind").put("Source", source).put("Target", target).put("ReadOnly", readOnly);
  }
}
