package dev.dstack.backends.scripted;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import dev.dstack.backends.BackendContext;
import dev.dstack.backends.BackendFactory;
import dev.dstack.backends.ComputeBackend;
import dev.dstack.backends.HostAgent;
import dev.dstack.backends.InstanceTag;
import dev.dstack.backends.Machine;
import dev.dstack.backends.MachineSpec;
import dev.dstack.backends.WithOwnAgents;
import dev.dstack.backends.testkit.BackendContract;
import dev.dstack.backends.testkit.SweepContract;
import dev.dstack.backends.testkit.VolumeContract;
import dev.dstack.model.agent.LogFrame;
import dev.dstack.model.agent.StopRequest;
import dev.dstack.model.agent.TaskInfo;
import dev.dstack.model.agent.TaskMetrics;
import dev.dstack.model.agent.TaskRequest;
import dev.dstack.model.agent.TaskStatus;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.model.offer.Availability;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(120)
class ScriptedBackendTest extends BackendContract implements SweepContract, VolumeContract {
  @TempDir Path serverDir;
  private final SettableClock clock = new SettableClock();
  private Map<String, Object> config = Map.of("instances", 50);

  @Override
  public ComputeBackend backend() {
    return backend(clock);
  }

  @Override
  public ComputeBackend backendOfAnotherWorker() {
    return backend(clock);
  }

  private ScriptedBackend backend(InstantSource time) {
    return (ScriptedBackend)
        new ScriptedBackendFactory().create(new BackendContext("test", serverDir, time), config);
  }

  private HostAgent agent(InstanceTag tag) {
    return ((WithOwnAgents) backend()).agentOf(tag);
  }

  private InstanceTag machine() {
    InstanceTag tag = newTag();
    backend().ensure(spec(tag));
    return tag;
  }

  private static TaskRequest task(Map<String, String> env) {
    return new TaskRequest(
        new JobId(UUID.randomUUID()),
        "t",
        List.of("ignored"),
        env,
        null,
        null,
        List.of(),
        null,
        10,
        0);
  }

  private static void assertKind(ErrorKind kind, Runnable call) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(DstackException.class, e -> assertThat(e.kind()).isEqualTo(kind));
  }

  @Test
  void itIsFoundByServiceLoader() {
    assertThat(ServiceLoader.load(BackendFactory.class))
        .extracting(BackendFactory::type)
        .contains(BackendType.SCRIPTED);
  }

  @Test
  void offersAreWhatTheConfigurationSays() {
    config =
        Map.of(
            "regions",
            List.of("east", "west"),
            "instance_types",
            List.of(
                Map.of(
                    "name",
                    "big",
                    "cpus",
                    16,
                    "memory",
                    "64GB",
                    "gpus",
                    List.of("H100:80GB:8"),
                    "price",
                    20,
                    "spot",
                    true),
                Map.of("name", "small", "memory", "512MB", "price", 0.5)));

    List<Offer> offers = backend().offers(anything());

    assertThat(offers)
        .extracting(offer -> offer.instanceType() + "@" + offer.region())
        .containsExactly("small@east", "small@west", "big@east", "big@west");
    assertThat(offers.get(2).resources().gpus()).hasSize(8);
    assertThat(offers.get(2).resources().spot()).isTrue();
    assertThat(offers.getFirst().resources().memoryMib()).isEqualTo(512);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "instances|-1|backend scripted: instances",
        "instances|many|backend scripted: instances",
        "create_delay|soon|backend scripted: create_delay",
        "surprise|1|backend scripted: surprise",
        "instance_types|x|backend scripted: instance_types",
        "job|x|backend scripted: job",
        "pool|../up|backend scripted: pool",
      })
  void aBadFieldIsNamed(String field, String value, String named) {
    config = Map.of(field, value);
    assertThatThrownBy(this::backend)
        .isInstanceOfSatisfying(
            DstackException.class, e -> assertThat(e.kind()).isEqualTo(ErrorKind.INVALID_SPEC))
        .hasMessageStartingWith(named);
  }

  @Test
  void aBadFieldDeepInsideIsNamedWithItsPath() {
    config = Map.of("failures", Map.of("no_capacity", Map.of("probability", 2)));
    assertThatThrownBy(this::backend).hasMessageContaining("failures.no_capacity.probability");
    config = Map.of("instance_types", List.of(Map.of("name", "a"), Map.of("cpus", 1)));
    assertThatThrownBy(this::backend).hasMessageContaining("instance_types.1.name");
    config = Map.of("instance_types", List.of(Map.of("name", "a", "gpus", List.of("H100"))));
    assertThatThrownBy(this::backend).hasMessageContaining("instance_types.0.gpus");
  }

  @Test
  void theMachineIsReadyAfterItsDelay() {
    config = Map.of("create_delay", "2s");
    InstanceTag tag = newTag();

    assertThat(backend().ensure(spec(tag)).agent()).isNull();
    assertKind(ErrorKind.AGENT_UNREACHABLE, () -> agent(tag).info());
    clock.pass(Duration.ofSeconds(2));
    assertThat(agent(tag).info().resources()).isEqualTo(spec(tag).offer().resources());
  }

  @Test
  void whatATaskUsesFollowsFromTheTime() {
    config =
        Map.of(
            "instance_types",
            List.of(Map.of("name", "gpu", "cpus", 4, "gpus", List.of("H100:80GB:2"))));
    InstanceTag tag = machine();
    TaskRequest idle =
        task(Map.of("DSTACK_SCRIPTED_DURATION", "1h", "DSTACK_SCRIPTED_GPU_UTIL", "3"));
    assertThat(agent(tag).metrics(idle.id())).as("no such task").isEmpty();
    agent(tag).submit(idle);
    clock.pass(Duration.ofSeconds(30));
    TaskMetrics first = agent(tag).metrics(idle.id()).orElseThrow();
    assertThat(agent(tag).metrics(idle.id())).contains(first);
    assertThat(first.gpus())
        .extracting(TaskMetrics.GpuUse::index, TaskMetrics.GpuUse::utilPercent)
        .containsExactly(tuple(0, 3), tuple(1, 3));
    clock.pass(Duration.ofSeconds(30));
    assertThat(agent(tag).metrics(idle.id()).orElseThrow().cpuMicros())
        .isGreaterThan(first.cpuMicros());
    assertThat(agent(tag).dcgm().orElseThrow()).contains("DCGM_FI_DEV_GPU_UTIL{gpu=\"1\"");
    byte[] said = agent(tag).readRunnerLog(idle.id(), 0, 1_000);
    assertThat(new String(said, java.nio.charset.StandardCharsets.UTF_8)).contains("is accepted");
    assertThat(agent(tag).readRunnerLog(idle.id(), said.length, 1_000)).isEmpty();
    clock.pass(Duration.ofHours(2));
    assertThat(agent(tag).metrics(idle.id())).as("ended").isEmpty();
  }

  @Test
  void thereAreOnlySoManyMachines() {
    config = Map.of("instances", 2);
    InstanceTag one = machine();
    MachineSpec third = spec(newTag());
    machine();

    assertKind(ErrorKind.NO_CAPACITY, () -> backend().ensure(third));
    assertThat(backend().offers(anything()))
        .allMatch(offer -> offer.availability() == Availability.NOT_AVAILABLE);
    backend().terminate(one);
    assertThat(backend().ensure(third).tag()).isEqualTo(third.tag());
  }

  @Test
  void theFirstMachinesMeetTheFailureAndKeepIt() {
    config = Map.of("failures", Map.of("no_capacity", Map.of("first", 2)));
    MachineSpec one = spec(newTag());
    MachineSpec two = spec(newTag());
    MachineSpec three = spec(newTag());

    assertKind(ErrorKind.NO_CAPACITY, () -> backend().ensure(one));
    assertKind(ErrorKind.NO_CAPACITY, () -> backend().ensure(one));
    assertKind(ErrorKind.NO_CAPACITY, () -> backend().ensure(two));
    backend().ensure(three);
    assertKind(ErrorKind.NO_CAPACITY, () -> backendOfAnotherWorker().ensure(one));
  }

  @Test
  void beingThrottledPasses() {
    config = Map.of("failures", Map.of("throttled", Map.of("probability", 1)));
    MachineSpec spec = spec(newTag());

    assertKind(ErrorKind.BACKEND_THROTTLED, () -> backend().ensure(spec));
    assertThat(backend().ensure(spec)).isNotNull();
  }

  @Test
  void aLostReplyHasHadItsEffect() {
    config = Map.of("failures", Map.of("lost_reply", Map.of("first", 1)));
    MachineSpec spec = spec(newTag());

    assertKind(ErrorKind.BACKEND_UNAVAILABLE, () -> backend().ensure(spec));
    Machine found = backend().find(spec.tag()).orElseThrow();
    assertThat(backend().ensure(spec)).isEqualTo(found);
  }

  @Test
  void aLostHostIsGone() {
    config = Map.of("failures", Map.of("host_lost", Map.of("first", 1, "after", "30s")));
    InstanceTag tag = machine();
    HostAgent agent = agent(tag);
    clock.pass(Duration.ofSeconds(30));

    assertKind(ErrorKind.AGENT_UNREACHABLE, agent::info);
    assertKind(ErrorKind.HOST_LOST, () -> agent(tag));
    assertThat(backend().find(tag)).isEmpty();
    backend().terminate(tag);
  }

  @Test
  void probabilitiesAreTheSameEverywhere() {
    config =
        Map.of(
            "instances",
            1000,
            "failures",
            Map.of("seed", 7, "no_capacity", Map.of("probability", 0.5)));
    int refused = 0;
    for (int i = 0; i < 100; i++) {
      MachineSpec spec =
          new MachineSpec(newTag(), "i", "main", backend().offers(anything()).getFirst());
      try {
        backend().ensure(spec);
      } catch (DstackException e) {
        refused++;
      }
    }
    assertThat(refused).isBetween(20, 80);
  }

  @Test
  void theSameTagOfAnotherOfferIsRefused() {
    config = Map.of("instance_types", List.of(Map.of("name", "a"), Map.of("name", "b")));
    InstanceTag tag = newTag();
    List<Offer> offers = backend().offers(anything());
    backend().ensure(new MachineSpec(tag, "i", "main", offers.get(0)));

    assertKind(
        ErrorKind.IDEMPOTENCY_MISMATCH,
        () -> backend().ensure(new MachineSpec(tag, "i", "main", offers.get(1))));
  }

  @Test
  void aTaskLivesByItsScript() {
    config =
        Map.of(
            "job",
            Map.of(
                "start_delay", "1s", "duration", "10s", "exit_status", 3, "lines", 5, "rate", 2));
    InstanceTag tag = machine();
    TaskRequest request = task(Map.of());

    assertThat(agent(tag).submit(request).status()).isEqualTo(TaskStatus.PREPARING);
    clock.pass(Duration.ofSeconds(1));
    TaskInfo running = agent(tag).submit(request);
    assertThat(running.status()).isEqualTo(TaskStatus.RUNNING);
    assertThat(text(agent(tag), request.id())).isEqualTo("scripted line 00000000\n");
    clock.pass(Duration.ofMillis(500));
    assertThat(text(agent(tag), request.id())).hasLineCount(2);
    clock.pass(Duration.ofSeconds(10));
    TaskInfo exited = agent(tag).tasks().getFirst();
    assertThat(exited.status()).isEqualTo(TaskStatus.EXITED);
    assertThat(exited.exit().exitStatus()).isEqualTo(3);
    assertThat(exited.exit().reason()).isEqualTo(JobTerminationReason.CONTAINER_EXITED_WITH_ERROR);
    assertThat(Duration.between(exited.startedAt(), exited.finishedAt())).hasSeconds(10);
    assertThat(text(agent(tag), request.id())).hasLineCount(5);
  }

  @Test
  void aTaskMaySayItselfHowItBehaves() {
    InstanceTag tag = machine();
    TaskRequest request =
        task(
            Map.of(
                "DSTACK_SCRIPTED_DURATION", "90s",
                "DSTACK_SCRIPTED_LINES", "2",
                "DSTACK_SCRIPTED_TEXT", "epoch {n} of many",
                "DSTACK_SCRIPTED_EXIT_STATUS", "0",
                "SECRET", "planted"));
    agent(tag).submit(request);
    clock.pass(Duration.ofSeconds(89));
    assertThat(agent(tag).tasks().getFirst().status()).isEqualTo(TaskStatus.RUNNING);
    assertThat(text(agent(tag), request.id()))
        .isEqualTo("epoch 00000000 of many\nepoch 00000001 of many\n");
    clock.pass(Duration.ofSeconds(1));
    assertThat(agent(tag).tasks().getFirst().exit().reason())
        .isEqualTo(JobTerminationReason.DONE_BY_RUNNER);
    assertKind(
        ErrorKind.INVALID_SPEC,
        () -> agent(tag).submit(task(Map.of("DSTACK_SCRIPTED_DURATION", "long"))));
  }

  @Test
  void stoppingEndsItByTermOrByKill() {
    config = Map.of("job", Map.of("duration", "1h", "stop_delay", "3s"));
    InstanceTag tag = machine();
    TaskRequest willing = task(Map.of());
    TaskRequest hurried = task(Map.of());
    agent(tag).submit(willing);
    agent(tag).submit(hurried);
    clock.pass(Duration.ofSeconds(5));
    agent(tag).stop(willing.id(), new StopRequest(JobTerminationReason.TERMINATED_BY_USER, 10));
    agent(tag).stop(hurried.id(), new StopRequest(JobTerminationReason.ABORTED_BY_USER, 0));

    assertThat(task(tag, willing.id()).status()).isEqualTo(TaskStatus.RUNNING);
    assertThat(task(tag, hurried.id()).exit().exitStatus()).isEqualTo(137);
    clock.pass(Duration.ofSeconds(3));
    assertThat(task(tag, willing.id()).exit().exitStatus()).isEqualTo(143);
    assertThat(task(tag, willing.id()).exit().reason())
        .isEqualTo(JobTerminationReason.TERMINATED_BY_USER);
    assertThat(
            agent(tag)
                .stop(
                    new JobId(UUID.randomUUID()),
                    new StopRequest(JobTerminationReason.ABORTED_BY_USER, 0)))
        .isEmpty();
  }

  private TaskInfo task(InstanceTag tag, JobId id) {
    return agent(tag).tasks().stream().filter(t -> t.id().equals(id)).findFirst().orElseThrow();
  }

  @Test
  void maxDurationEndsIt() {
    config = Map.of("job", Map.of("duration", "1h"));
    InstanceTag tag = machine();
    TaskRequest request =
        new TaskRequest(
            new JobId(UUID.randomUUID()),
            "t",
            List.of("x"),
            Map.of(),
            null,
            null,
            List.of(),
            60L,
            10,
            0);
    agent(tag).submit(request);
    clock.pass(Duration.ofSeconds(61));

    assertThat(task(tag, request.id()).exit().reason())
        .isEqualTo(JobTerminationReason.MAX_DURATION_EXCEEDED);
  }

  @Test
  void everyPieceOfALogIsTheSamePieceAtAnyTime() {
    config = Map.of("job", Map.of("duration", "100s", "lines", 100, "rate", 3));
    InstanceTag tag = machine();
    TaskRequest request = task(Map.of());
    agent(tag).submit(request);
    clock.pass(Duration.ofSeconds(10));
    byte[] early = frames(agent(tag), request.id());
    clock.pass(Duration.ofSeconds(200));
    byte[] late = frames(agent(tag), request.id());

    assertThat(Arrays.copyOf(late, early.length)).isEqualTo(early);
    assertThat((long) late.length).isEqualTo(task(tag, request.id()).logEnd());
    for (int offset = 0; offset < late.length; offset += 41) {
      assertThat(agent(tag).readLog(request.id(), offset, 53))
          .isEqualTo(Arrays.copyOfRange(late, offset, Math.min(late.length, offset + 53)));
    }
  }

  private static byte[] frames(HostAgent agent, JobId id) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    while (true) {
      byte[] piece = agent.readLog(id, all.size(), 100);
      if (piece.length == 0) {
        return all.toByteArray();
      }
      all.writeBytes(piece);
    }
  }

  private static String text(HostAgent agent, JobId id) {
    StringBuilder text = new StringBuilder();
    for (LogFrame frame : LogFrame.decode(ByteBuffer.wrap(frames(agent, id)))) {
      text.append(new String(frame.bytes(), StandardCharsets.UTF_8));
    }
    return text.toString();
  }

  @Test
  void aRunningTaskIsNotRemovedAndAnEndedOneIs() {
    config = Map.of("job", Map.of("duration", "5s"));
    InstanceTag tag = machine();
    TaskRequest request = task(Map.of());
    agent(tag).submit(request);

    assertKind(ErrorKind.NOT_READY, () -> agent(tag).remove(request.id()));
    clock.pass(Duration.ofSeconds(5));
    agent(tag).remove(request.id());
    agent(tag).remove(request.id());
    assertThat(agent(tag).tasks()).isEmpty();
  }

  @Test
  void aWatchReturnsAtTheNextChangeAlsoWhenAnotherWorkerStops() throws Exception {
    config = Map.of("job", Map.of("start_delay", "50ms", "duration", "1h", "lines", 1));
    ScriptedBackend real = backend(InstantSource.system());
    InstanceTag tag = newTag();
    real.ensure(spec(tag));
    HostAgent agent = real.agentOf(tag);
    TaskRequest request = task(Map.of());
    TaskInfo first = agent.submit(request);

    TaskInfo started =
        agent.watch(request.id(), first.seq(), 0, Duration.ofSeconds(60)).orElseThrow();
    assertThat(started.status()).isEqualTo(TaskStatus.RUNNING);
    try (ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<TaskInfo> watching =
          executor.submit(
              () ->
                  agent
                      .watch(request.id(), started.seq(), started.logEnd(), Duration.ofSeconds(60))
                      .orElseThrow());
      backend(InstantSource.system())
          .agentOf(tag)
          .stop(request.id(), new StopRequest(JobTerminationReason.TERMINATED_BY_USER, 0));
      assertThat(watching.get().status()).isEqualTo(TaskStatus.EXITED);
    }
    assertThat(agent.watch(new JobId(UUID.randomUUID()), 0, 0, Duration.ofSeconds(60))).isEmpty();
  }

  @Test
  void aThousandTasksAreWatchedAtOnce() throws Exception {
    config = Map.of("instances", 1000, "job", Map.of("duration", "1h", "lines", 1));
    ScriptedBackend real = backend(InstantSource.system());
    Offer offer = real.offers(anything()).getFirst();
    List<Future<TaskInfo>> watching = new ArrayList<>();
    try (ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor()) {
      List<InstanceTag> tags = new ArrayList<>();
      List<JobId> jobs = new ArrayList<>();
      for (int i = 0; i < 1000; i++) {
        InstanceTag tag = newTag();
        real.ensure(new MachineSpec(tag, "i-" + i, "main", offer));
        TaskRequest request = task(Map.of());
        TaskInfo info = real.agentOf(tag).submit(request);
        tags.add(tag);
        jobs.add(request.id());
        watching.add(
            executor.submit(
                () ->
                    real.agentOf(tag)
                        .watch(request.id(), 2, info.logEnd() + 1_000_000, Duration.ofSeconds(100))
                        .orElseThrow()));
      }
      for (int i = 0; i < 1000; i++) {
        real.agentOf(tags.get(i))
            .stop(jobs.get(i), new StopRequest(JobTerminationReason.ABORTED_BY_USER, 0));
      }
      for (Future<TaskInfo> watch : watching) {
        assertThat(watch.get().status()).isEqualTo(TaskStatus.EXITED);
      }
    }
  }
}
