package dev.dstack.backends.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.dstack.backends.AgentAddress;
import dev.dstack.backends.BackendContext;
import dev.dstack.backends.BackendFactory;
import dev.dstack.backends.ComputeBackend;
import dev.dstack.backends.InstanceTag;
import dev.dstack.backends.Machine;
import dev.dstack.backends.testkit.BackendContract;
import dev.dstack.backends.testkit.VolumeContract;
import dev.dstack.model.agent.TaskInfo;
import dev.dstack.model.agent.TaskRequest;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.json.Json;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.resources.Resources;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(180)
class LocalBackendTest extends BackendContract implements VolumeContract {
  @TempDir Path serverDir;

  @Override
  public ComputeBackend backend() {
    return backend(Map.of());
  }

  @Override
  public ComputeBackend backendOfAnotherWorker() {
    return backend(Map.of());
  }

  private ComputeBackend backend(Map<String, Object> config) {
    return new LocalBackendFactory()
        .create(new BackendContext("test", serverDir, InstantSource.system()), config);
  }

  /** Whatever a test did, no agent stays. */
  @AfterEach
  void endAgent() throws IOException {
    new AgentDaemon(serverDir, null, null, null).end();
    assertThat(agentPids()).isEmpty();
  }

  private List<Long> agentPids() {
    String home = serverDir.resolve("agent").toString();
    return ProcessHandle.allProcesses()
        .filter(ProcessHandle::isAlive)
        .filter(
            process -> {
              List<String> arguments = List.of(process.info().arguments().orElse(new String[0]));
              return arguments.contains("dev.dstack.agent.Main")
                  && arguments.contains(home)
                  && !arguments.contains("agent-keeper");
            })
        .map(ProcessHandle::pid)
        .toList();
  }

  private static HttpResponse<byte[]> call(
      AgentAddress agent, String method, String path, byte[] body) throws Exception {
    try (HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build()) {
      return http.send(
          HttpRequest.newBuilder(agent.uri().resolve(path))
              .header("Authorization", "Bearer " + agent.token())
              .method(
                  method,
                  body == null
                      ? HttpRequest.BodyPublishers.noBody()
                      : HttpRequest.BodyPublishers.ofByteArray(body))
              .build(),
          HttpResponse.BodyHandlers.ofByteArray());
    }
  }

  private static JobId sleeper(AgentAddress agent) throws Exception {
    JobId id = new JobId(UUID.randomUUID());
    TaskRequest request =
        new TaskRequest(
            id, "t", List.of("sleep", "600"), Map.of(), null, null, List.of(), null, 5, 0);
    assertThat(
            call(agent, "POST", "/v1/tasks", Json.strict().writeValueAsBytes(request)).statusCode())
        .isEqualTo(200);
    return id;
  }

  private static TaskInfo task(AgentAddress agent, JobId id) throws Exception {
    return Json.strict()
        .readValue(call(agent, "GET", "/v1/tasks/" + id, null).body(), TaskInfo.class);
  }

  @Test
  void itIsFoundByServiceLoader() {
    assertThat(ServiceLoader.load(BackendFactory.class))
        .extracting(BackendFactory::type)
        .contains(BackendType.LOCAL);
  }

  @Test
  void theOfferIsThisMachine() {
    Resources resources = backend().offers(anything()).getFirst().resources();

    assertThat(resources.cpus()).isEqualTo(Runtime.getRuntime().availableProcessors());
    assertThat(resources.memoryMib()).isPositive();
    assertThat(resources.diskMib()).isPositive();
  }

  @Test
  void whatIsOfferedCanBeSaid() {
    Resources resources =
        backend(Map.of("cpus", 64, "memory", "512MB", "disk", 2))
            .offers(anything())
            .getFirst()
            .resources();

    assertThat(resources.cpus()).isEqualTo(64);
    assertThat(resources.memoryMib()).isEqualTo(512);
    assertThat(resources.diskMib()).isEqualTo(2048);
  }

  @ParameterizedTest
  @CsvSource({
    "cpus, 0, cpus",
    "cpus, many, cpus",
    "memory, lots, memory",
    "memory, -1GB, memory",
    "disk, 0, disk",
    "user, a b, user",
    "surprise, 1, surprise",
  })
  void aBadFieldIsNamed(String field, String value, String named) {
    assertThatThrownBy(() -> backend(Map.of(field, value)))
        .isInstanceOfSatisfying(
            DstackException.class, e -> assertThat(e.kind()).isEqualTo(ErrorKind.INVALID_SPEC))
        .hasMessageContaining("backend local: " + named);
  }

  @Test
  void theAgentAnswersAndKnowsTheMachine() throws Exception {
    InstanceTag tag = newTag();
    Machine machine = backend().ensure(spec(tag));

    assertThat(call(machine.agent(), "GET", "/v1/info", null).statusCode()).isEqualTo(200);
    assertThat(machine.toString()).doesNotContain(machine.agent().token());
    assertThat(agentPids()).hasSize(1);
    backend().terminate(tag);
    assertThat(agentPids()).isEmpty();
  }

  @Test
  void aKilledAgentComesBackByItselfAndItsTasksGoOn() throws Exception {
    InstanceTag tag = newTag();
    AgentAddress agent = backend().ensure(spec(tag)).agent();
    JobId id = sleeper(agent);
    long killed = agentPids().getFirst();
    ProcessHandle.of(killed).orElseThrow().destroyForcibly();
    ProcessHandle.of(killed).ifPresent(p -> p.onExit().orTimeout(30, TimeUnit.SECONDS).join());

    until(() -> !agentPids().isEmpty() && !agentPids().contains(killed));
    until(() -> backend().find(tag).orElseThrow().agent().equals(agent));

    assertThat(task(agent, id).status().isFinal()).isFalse();
    assertThat(agentPids()).hasSize(1);
    backend().terminate(tag);
  }

  @Test
  void whenItsKeeperDiesTooTheNextLookBringsItBack() throws Exception {
    InstanceTag tag = newTag();
    AgentAddress agent = backend().ensure(spec(tag)).agent();
    long pid = agentPids().getFirst();
    ProcessHandle keeper = ProcessHandle.of(pid).orElseThrow().parent().orElseThrow();
    keeper.destroyForcibly();
    ProcessHandle.of(pid).orElseThrow().destroyForcibly();
    until(() -> agentPids().isEmpty());

    AgentAddress again = backend().find(tag).orElseThrow().agent();

    assertThat(again).isEqualTo(agent);
    assertThat(agentPids()).hasSize(1);
    backend().terminate(tag);
  }

  @Test
  void itRunsFromFilesOfItsOwn() throws Exception {
    InstanceTag tag = newTag();
    backend().ensure(spec(tag));
    ProcessHandle agent = ProcessHandle.of(agentPids().getFirst()).orElseThrow();
    List<String> arguments = List.of(agent.info().arguments().orElseThrow());
    String classpath = arguments.get(arguments.indexOf("-cp") + 1);

    assertThat(classpath.split(java.io.File.pathSeparator))
        .filteredOn(entry -> entry.endsWith(".jar"))
        .isNotEmpty()
        .allMatch(entry -> entry.startsWith(serverDir.resolve("agent/lib").toString()));
    backend().terminate(tag);
  }

  @Test
  void anAgentThatHangsIsReplacedAndItsTasksGoOn() throws Exception {
    InstanceTag tag = newTag();
    AgentAddress agent = backend().ensure(spec(tag)).agent();
    JobId id = sleeper(agent);
    until(() -> Files.exists(serverDir.resolve("agent/tasks/" + id + "/io/pid")));
    long hanging = agentPids().getFirst();
    new ProcessBuilder("/bin/sh", "-c", "kill -STOP " + hanging).start().waitFor();

    AgentAddress again = backend().find(tag).orElseThrow().agent();

    assertThat(agentPids()).hasSize(1).doesNotContain(hanging);
    assertThat(task(again, id).status().isFinal()).isFalse();
    backend().terminate(tag);
  }

  @Test
  void anAgentOfAnotherVersionIsReplacedAndItsTasksGoOn() throws Exception {
    InstanceTag tag = newTag();
    AgentAddress agent = backend().ensure(spec(tag)).agent();
    JobId id = sleeper(agent);
    long before = agentPids().getFirst();
    assertThat(backend().find(tag).orElseThrow().agent()).isEqualTo(agent);
    assertThat(agentPids()).containsExactly(before);
    Files.writeString(serverDir.resolve("agent/launched"), "another version");

    AgentAddress again = backend().find(tag).orElseThrow().agent();

    assertThat(again).isEqualTo(agent);
    assertThat(agentPids()).hasSize(1).doesNotContain(before);
    assertThat(task(again, id).status().isFinal()).isFalse();
    backend().terminate(tag);
  }

  @Test
  void terminatingEndsItsTasksFirst() throws Exception {
    InstanceTag tag = newTag();
    AgentAddress agent = backend().ensure(spec(tag)).agent();
    JobId id = sleeper(agent);
    until(() -> Files.exists(serverDir.resolve("agent/tasks/" + id + "/io/pid")));

    backend().terminate(tag);

    assertThat(serverDir.resolve("agent/tasks/" + id + "/io/exit-143")).exists();
    assertThat(agentPids()).isEmpty();
  }

  @Test
  void theAgentStaysWhileAnotherFleetUsesTheMachine() {
    InstanceTag one = newTag();
    InstanceTag two = newTag();
    backend().ensure(spec(one));
    backend().ensure(spec(two));

    backend().terminate(one);
    assertThat(agentPids()).hasSize(1);
    backend().terminate(two);
    assertThat(agentPids()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"DSTACK_SERVER_ADMIN_TOKEN", "DSTACK_DATABASE_URL"})
  void theServersSecretsDoNotReachTheAgent(String variable) throws IOException {
    InstanceTag tag = newTag();
    backend().ensure(spec(tag));
    String environment = Files.readString(Path.of("/proc/" + agentPids().getFirst() + "/environ"));

    assertThat(environment).contains("PATH=").doesNotContain(variable);
    assertThat(environment.split("\0"))
        .allMatch(
            entry ->
                entry.matches(
                    "(?s)(PATH|HOME|USER|LOGNAME|LANG|LC_ALL|TZ|LD_LIBRARY_PATH|DOCKER_HOST"
                        + "|XDG_RUNTIME_DIR|PWD|OLDPWD|_|SHLVL)=.*"));
    backend().terminate(tag);
  }

  private interface Condition {
    boolean holds() throws Exception;
  }

  private static void until(Condition condition) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!condition.holds()) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError("waited in vain");
      }
      java.util.concurrent.locks.LockSupport.parkNanos(10_000_000);
    }
  }
}
