package dev.dstack.agent;

import dev.dstack.model.agent.AccessRequest;
import dev.dstack.model.agent.ContainerRequest;
import dev.dstack.model.agent.ContainerRequest.Mount;
import dev.dstack.model.agent.ContainerRequest.PortMap;
import dev.dstack.model.agent.ContainerRequest.RegistryAuth;
import dev.dstack.model.agent.NodesRequest;
import dev.dstack.model.agent.TaskRequest;
import dev.dstack.model.agent.VolumeRequest;
import java.util.List;
import java.util.Map;

/** Requests for containers, of which a test says only what matters to it. */
final class Containers {
  private final List<String> command;
  private String image = Docker.BUSYBOX;
  private Map<String, String> env = Map.of();
  private String user;
  private List<String> entrypoint;
  private RegistryAuth registry;
  private boolean privileged;
  private double cpus;
  private long memoryBytes;
  private long shmBytes;
  private boolean hostNetwork;
  private List<PortMap> ports = List.of();
  private List<Mount> mounts = List.of();
  private AccessRequest access;
  private NodesRequest nodes;
  private String workingDir;
  private List<TaskRequest.FileMount> files = List.of();
  private List<VolumeRequest> volumes = List.of();
  private List<Integer> gpus = List.of();

  private Containers(List<String> command) {
    this.command = command;
  }

  static Containers shell(String script) {
    return new Containers(List.of("/bin/sh", "-c", script));
  }

  static Containers of(String... command) {
    return new Containers(List.of(command));
  }

  Containers image(String value) {
    image = value;
    return this;
  }

  Containers env(Map<String, String> value) {
    env = value;
    return this;
  }

  Containers user(String value) {
    user = value;
    return this;
  }

  Containers entrypoint(List<String> value) {
    entrypoint = value;
    return this;
  }

  Containers registry(String username, String password) {
    registry = new RegistryAuth(username, password);
    return this;
  }

  Containers privileged() {
    privileged = true;
    return this;
  }

  Containers cpus(double value) {
    cpus = value;
    return this;
  }

  Containers memory(long bytes) {
    memoryBytes = bytes;
    return this;
  }

  Containers shm(long bytes) {
    shmBytes = bytes;
    return this;
  }

  Containers hostNetwork() {
    hostNetwork = true;
    return this;
  }

  Containers ports(PortMap... value) {
    ports = List.of(value);
    return this;
  }

  Containers mounts(Mount... value) {
    mounts = List.of(value);
    return this;
  }

  Containers access(AccessRequest value) {
    access = value;
    return this;
  }

  Containers nodes(NodesRequest value) {
    nodes = value;
    return this;
  }

  Containers workingDir(String value) {
    workingDir = value;
    return this;
  }

  Containers files(TaskRequest.FileMount... value) {
    files = List.of(value);
    return this;
  }

  Containers volumes(VolumeRequest... value) {
    volumes = List.of(value);
    return this;
  }

  Containers gpus(Integer... places) {
    gpus = List.of(places);
    return this;
  }

  TaskRequest request() {
    return new TaskRequest(
        AgentProcess.newId(),
        "test",
        command,
        env,
        workingDir,
        user,
        files,
        null,
        5,
        0,
        new ContainerRequest(
            image,
            registry,
            entrypoint,
            privileged,
            cpus,
            memoryBytes,
            shmBytes,
            gpus,
            hostNetwork,
            ports,
            mounts,
            Map.of()),
        null,
        access,
        volumes,
        nodes);
  }
}
