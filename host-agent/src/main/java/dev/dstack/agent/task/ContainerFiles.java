package dev.dstack.agent.task;

import dev.dstack.agent.Durable;
import dev.dstack.agent.docker.Blueprint;
import dev.dstack.agent.docker.ContainerHost;
import dev.dstack.agent.docker.Image;
import dev.dstack.agent.host.HostResources;
import dev.dstack.agent.runner.IoFiles;
import dev.dstack.agent.runner.RunnerRequest;
import dev.dstack.agent.runtime.RuntimeLayout;
import dev.dstack.model.agent.AccessRequest;
import dev.dstack.model.agent.ContainerRequest;
import dev.dstack.model.agent.ContainerRequest.RegistryAuth;
import dev.dstack.model.agent.NodesRequest;
import dev.dstack.model.agent.RepoRequest;
import dev.dstack.model.agent.TaskExit;
import dev.dstack.model.agent.TaskRequest;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.model.json.Json;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;

/**
 * What a container task has on the disk of the host. Its directory is closed to everybody but the
 * agent's user; the io directory in it is open to whatever user the container has, who reaches it
 * by a mount and not by that way.
 */
final class ContainerFiles {
  private static final String ARCHIVES = "/.dstack/archives/";
  private static final String REQUEST = "request.json";
  private static final String REGISTRY = "registry.json";
  private static final String SSH_PORT = "ssh-port";
  private static final int LAST_WORDS_BYTES = 400;
  private static final long MOST_PIDS = Long.getLong("dstack.agent.pids-limit", 0);

  private final Path directory;
  private final Path io;
  private final Surroundings surroundings;
  private FileTime sessionsAt = FileTime.fromMillis(0);
  private @Nullable Instant unusedSince;

  ContainerFiles(Path directory, Surroundings surroundings) {
    this.directory = directory;
    this.io = Task.io(directory);
    this.surroundings = surroundings;
  }

  Path io() {
    return io;
  }

  // --- when it is accepted -----------------------------------------------------------------------

  static void make(Path directory, TaskRequest request, ContainerRequest container)
      throws IOException {
    Durable.directory(directory, "rwx------");
    Durable.directory(Task.io(directory), "rwxrwxrwx");
    AccessRequest access = request.access();
    boolean login = access != null && !access.authorizedKeys().isEmpty();
    RepoRequest repo = request.repo();
    RunnerRequest runner =
        new RunnerRequest(
            request.id(),
            request.command(),
            request.env(),
            Map.of(),
            request.workingDir(),
            request.files().stream()
                .map(file -> new RunnerRequest.FileArchive(ARCHIVES + file.hash(), file.path()))
                .toList(),
            repo == null
                ? null
                : new RunnerRequest.Repo(
                    repo, repo.archive() == null ? null : ARCHIVES + repo.archive()),
            login ? access : null,
            login ? AccessRequest.SSH_PORT : 0,
            container.hostNetwork() && request.nodes() == null,
            request.nodes());
    secret(directory.resolve(REQUEST), runner);
    if (container.registry() != null) {
      secret(directory.resolve(REGISTRY), container.registry());
    }
  }

  private static void secret(Path file, Object content) throws IOException {
    Durable.write(file, Json.lenient().writeValueAsBytes(content), "rw-------", false);
  }

  /** Without what only pulling needs. */
  static ContainerRequest withoutCredentials(ContainerRequest container) {
    return new ContainerRequest(
        container.image(),
        null,
        container.entrypoint(),
        container.privileged(),
        container.cpus(),
        container.memoryBytes(),
        container.shmBytes(),
        container.gpus(),
        container.hostNetwork(),
        container.ports(),
        container.mounts(),
        container.labels());
  }

  // --- before it starts --------------------------------------------------------------------------

  @Nullable RegistryAuth registryAuth() throws IOException {
    Path file = directory.resolve(REGISTRY);
    return Files.exists(file)
        ? Json.lenient().readValue(Files.readAllBytes(file), RegistryAuth.class)
        : null;
  }

  /** The runner's request is complete once the image is known. Present: it can't be. */
  Optional<TaskExit> writeRequest(ContainerRequest container, Image image) throws IOException {
    RunnerRequest draft = draft();
    List<String> command = draft.command();
    if (command.isEmpty()) {
      command = new ArrayList<>(image.entrypoint());
      command.addAll(image.command());
      if (container.entrypoint() != null) {
        command = container.entrypoint();
      }
    }
    int sshPort = draft.sshPort();
    NodesRequest nodes = draft.nodes();
    if (sshPort != 0 && container.hostNetwork()) {
      sshPort = nodes == null ? freePort() : nodes.own().sshPort();
      if (nodes != null && !isFree(sshPort)) {
        return Optional.of(
            new TaskExit(
                JobTerminationReason.PORTS_BINDING_FAILED,
                null,
                "port "
                    + sshPort
                    + " of the host, where the other nodes log in, is used by somebody else"));
      }
      byte[] text = Integer.toString(sshPort).getBytes(StandardCharsets.US_ASCII);
      Durable.write(directory.resolve(SSH_PORT), text, "rw-------", false);
    }
    RunnerRequest complete =
        new RunnerRequest(
            draft.id(),
            command,
            draft.env(),
            astray(image),
            draft.workingDir(),
            draft.files(),
            draft.repo(),
            draft.access(),
            sshPort,
            draft.sshLoopbackOnly(),
            nodes);
    // Whoever the container's user is has to read and remove it; nobody else gets here.
    byte[] json = Json.lenient().writeValueAsBytes(complete);
    Durable.write(io.resolve(IoFiles.REQUEST), json, "rw-r--r--", false);
    return missingArchive(draft);
  }

  private RunnerRequest draft() throws IOException {
    byte[] json = Files.readAllBytes(directory.resolve(REQUEST));
    return Json.lenient().readValue(json, RunnerRequest.class);
  }

  private Optional<TaskExit> missingArchive(RunnerRequest draft) throws IOException {
    for (String hash : hashes(draft)) {
      Path archive = surroundings.archives().path(hash);
      if (!Files.exists(archive)) {
        return Optional.of(
            Endings.notCreated("files: the archive " + hash + " is not on this host"));
      }
      Files.setLastModifiedTime(archive, FileTime.from(surroundings.clock().instant()));
    }
    return Optional.empty();
  }

  private static Set<String> hashes(RunnerRequest draft) {
    Set<String> hashes = new LinkedHashSet<>();
    draft.files().forEach(file -> hashes.add(file.archive().substring(ARCHIVES.length())));
    RunnerRequest.Repo repo = draft.repo();
    if (repo != null && repo.archive() != null) {
      hashes.add(repo.archive().substring(ARCHIVES.length()));
    }
    return hashes;
  }

  private static Map<String, String> astray(Image image) {
    Map<String, String> env = new TreeMap<>(image.env());
    env.keySet().retainAll(RuntimeLayout.EMPTIED_ENV);
    return env;
  }

  Blueprint blueprint(TaskState state, ContainerRequest container, Image image) throws IOException {
    RuntimeLayout runtime =
        surroundings
            .containers()
            .runtime()
            .orElseThrow(() -> new IOException("there is no runtime for containers"));
    RunnerRequest draft = draft();
    Map<String, String> env = new TreeMap<>();
    astray(image).keySet().forEach(name -> env.put(name, ""));
    Map<String, String> labels = new TreeMap<>(container.labels());
    labels.put(ContainerHost.TASK_LABEL, state.id().toString());
    labels.put(ContainerHost.AGENT_LABEL, surroundings.containers().agentId());
    List<Blueprint.Bind> binds = new ArrayList<>();
    binds.add(new Blueprint.Bind(runtime.directory(), RuntimeLayout.MOUNT, true));
    binds.add(new Blueprint.Bind(io.toAbsolutePath(), IoFiles.MOUNT, false));
    for (String hash : hashes(draft)) {
      Path archive = surroundings.archives().path(hash).toAbsolutePath();
      binds.add(new Blueprint.Bind(archive, ARCHIVES + hash, true));
    }
    Map<Integer, Integer> ports = new TreeMap<>();
    container.ports().forEach(port -> ports.put(port.containerPort(), port.hostPort()));
    NodesRequest nodes = draft.nodes();
    if (draft.sshPort() != 0) {
      ports.put(AccessRequest.SSH_PORT, nodes == null ? 0 : nodes.own().sshPort());
    }
    return new Blueprint(
        ContainerHost.containerName(state.id()),
        image.id(),
        state.user(),
        runtime.runnerCommand(),
        env,
        labels,
        binds,
        ports,
        nodes == null ? Set.of() : Set.of(AccessRequest.SSH_PORT),
        container,
        pids(container));
  }

  /** Enough for any number of threads in earnest, and a small part of what the host has. */
  static long pids(ContainerRequest container) {
    if (MOST_PIDS > 0) {
      return MOST_PIDS;
    }
    double cpus = container.cpus() > 0 ? container.cpus() : HostResources.processors();
    return Math.min(HostResources.mostPids() / 2, 4_096 + Math.round(cpus * 1_024));
  }

  private static boolean isFree(int port) {
    try (ServerSocket socket = new ServerSocket()) {
      socket.setReuseAddress(true);
      socket.bind(new InetSocketAddress(port), 1);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.ofLiteral("127.0.0.1"))) {
      return socket.getLocalPort();
    }
  }

  // --- while it runs and afterwards --------------------------------------------------------------

  /** What the runner wrote into its log at the end; empty: nothing that can be read. */
  String lastRunnerWords() {
    Path log = io.resolve(IoFiles.RUNNER_LOG);
    if (!Files.isRegularFile(log, LinkOption.NOFOLLOW_LINKS)) {
      return "";
    }
    try (FileChannel file =
        FileChannel.open(log, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
      ByteBuffer tail = ByteBuffer.allocate((int) Math.min(LAST_WORDS_BYTES, file.size()));
      file.read(tail, Math.max(0, file.size() - LAST_WORDS_BYTES));
      String text = StandardCharsets.UTF_8.decode(tail.flip()).toString().strip();
      return text.substring(text.lastIndexOf('\n') + 1);
    } catch (IOException e) {
      return "";
    }
  }

  /** Port of the task → port of the host. */
  Map<Integer, Integer> ports(ContainerRequest container, Map<Integer, Integer> published)
      throws IOException {
    if (!container.hostNetwork()) {
      return published;
    }
    Map<Integer, Integer> ports = new TreeMap<>();
    container.ports().forEach(port -> ports.put(port.containerPort(), port.containerPort()));
    Path chosen = directory.resolve(SSH_PORT);
    if (Files.exists(chosen)) {
      ports.put(AccessRequest.SSH_PORT, Integer.parseInt(Files.readString(chosen).strip()));
    }
    return ports;
  }

  IoFiles.Where where() {
    try {
      byte[] json = Marks.content(io.resolve(IoFiles.WHERE));
      return Json.lenient().readValue(json, IoFiles.Where.class);
    } catch (IOException | JacksonException e) {
      return new IoFiles.Where("", "", 0);
    }
  }

  /** Absent: somebody is logged in, or nobody can. */
  @Nullable Instant unusedSince() {
    Path file = io.resolve(IoFiles.SESSIONS);
    try {
      FileTime changed = Files.getLastModifiedTime(file, LinkOption.NOFOLLOW_LINKS);
      if (!changed.equals(sessionsAt)) {
        sessionsAt = changed;
        unusedSince =
            Json.lenient().readValue(Marks.content(file), IoFiles.Sessions.class).unusedSince();
      }
    } catch (IOException | JacksonException e) {
      return unusedSince;
    }
    return unusedSince;
  }

  /** Present: the command was not started. */
  Optional<TaskExit> failure(int status) {
    Path file = io.resolve(IoFiles.FAILURE);
    if (status != IoFiles.NOT_STARTED || !Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
      return Optional.empty();
    }
    try {
      IoFiles.Failure failure =
          Json.lenient().readValue(Marks.content(file), IoFiles.Failure.class);
      JobTerminationReason reason = JobTerminationReason.CREATING_CONTAINER_ERROR;
      for (JobTerminationReason one : JobTerminationReason.values()) {
        if (one.wire().equals(failure.reason())) {
          reason = one;
        }
      }
      return Optional.of(new TaskExit(reason, null, failure.message()));
    } catch (IOException | JacksonException e) {
      return Optional.of(Endings.executorError("the command could not be started"));
    }
  }

  /** Neither command nor environment nor credentials stay on the disk once the task runs. */
  void forgetSecrets() throws IOException {
    Files.deleteIfExists(directory.resolve(REQUEST));
    Files.deleteIfExists(directory.resolve(REGISTRY));
    Files.deleteIfExists(io.resolve(IoFiles.REQUEST));
  }
}
