package dev.dstack.activities.agent;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.dstack.activities.AgentProcess;
import dev.dstack.activities.Fixture;
import dev.dstack.activities.backend.BackendRegistry;
import dev.dstack.activities.host.AgentDirectory;
import dev.dstack.activities.host.HttpHostAgent;
import dev.dstack.activities.metrics.JobSampler;
import dev.dstack.activities.support.Heartbeats;
import dev.dstack.backends.AgentAddress;
import dev.dstack.db.log.LogKey;
import dev.dstack.db.log.LogPage;
import dev.dstack.db.log.LogQuery;
import dev.dstack.db.log.LogStore;
import dev.dstack.db.metrics.JobSamples;
import dev.dstack.db.records.AccessKeys;
import dev.dstack.db.records.BackendStore;
import dev.dstack.db.records.FileStore;
import dev.dstack.db.records.InstanceMachine;
import dev.dstack.db.records.InstanceMachines;
import dev.dstack.db.records.NewRun;
import dev.dstack.db.records.RepoStore;
import dev.dstack.db.records.RunPrivate;
import dev.dstack.db.records.SecretStore;
import dev.dstack.db.records.Volumes;
import dev.dstack.db.views.RunReader;
import dev.dstack.db.views.ViewWriter;
import dev.dstack.model.agent.StopRequest;
import dev.dstack.model.agent.TaskInfo;
import dev.dstack.model.agent.TaskStatus;
import dev.dstack.model.config.ContainerDefaults;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.model.offer.BackendType;
import dev.dstack.workflows.job.AgentActivities;
import dev.dstack.workflows.job.AgentActivities.TaskRef;
import dev.dstack.workflows.job.TaskNews;
import dev.dstack.workflows.support.DataConverters;
import io.temporal.activity.ActivityOptions;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.testing.TestActivityEnvironment;
import io.temporal.testing.TestEnvironmentOptions;
import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The activities of a job against a real agent, a real database and real files. */
class AgentActivitiesTest {
  private static final InstanceId HOST = new InstanceId(UUID.randomUUID());
  private static Fixture fixture;
  private static AgentProcess agent;
  private static HttpClient http;
  private static Heartbeats heartbeats;
  private static AgentActivitiesImpl implementation;
  private static InstanceMachines machines;
  private static FullDisk disk;
  private static TestActivityEnvironment temporal;
  private static AgentActivities activities;

  @BeforeAll
  static void open() throws Exception {
    fixture = new Fixture();
    agent = new AgentProcess(fixture.serverDir.resolve("agent"));
    http = HttpHostAgent.client();
    heartbeats = new Heartbeats();
    disk = new FullDisk(fixture.logs);
    machines = new InstanceMachines(fixture.worker, fixture.encryption, fixture.clock);
    BackendRegistry backends =
        new BackendRegistry(
            new BackendStore(fixture.worker, fixture.encryption),
            fixture.context(),
            java.util.Collections.emptySortedMap());
    implementation =
        new AgentActivitiesImpl(
            new AgentDirectory(machines, backends, http, fixture.hosts()),
            new RunSources(
                new dev.dstack.db.records.RunSubmissions(
                    fixture.worker, fixture.encryption, fixture.clock),
                new RunReader(fixture.worker),
                new SecretStore(fixture.worker, fixture.encryption),
                new FileStore(fixture.worker),
                new RepoStore(fixture.worker, fixture.encryption),
                new AccessKeys(fixture.worker),
                new Volumes(fixture.worker, fixture.clock),
                ContainerDefaults.STANDARD),
            new ViewWriter(fixture.worker),
            (_, _, _) -> false,
            fixture.clock,
            disk,
            heartbeats,
            new JobSampler(new JobSamples(fixture.worker)),
            0,
            Duration.ofSeconds(2));
    temporal =
        TestActivityEnvironment.newInstance(
            TestEnvironmentOptions.newBuilder()
                .setWorkflowClientOptions(
                    WorkflowClientOptions.newBuilder()
                        .setDataConverter(DataConverters.create())
                        .build())
                .build());
    temporal.registerActivitiesImplementations(implementation);
    activities =
        temporal.newActivityStub(
            AgentActivities.class,
            ActivityOptions.newBuilder().setStartToCloseTimeout(Duration.ofMinutes(5)).build());
    connect(HOST, agent.address());
  }

  @AfterAll
  static void close() throws Exception {
    temporal.close();
    heartbeats.close();
    // Tasks outlive their agent; those of a test that failed must not outlive the tests.
    HttpHostAgent host = new HttpHostAgent(http, agent.address());
    for (TaskInfo task : host.tasks()) {
      host.stop(task.id(), new StopRequest(JobTerminationReason.ABORTED_BY_USER, 0));
    }
    agent.close();
    http.close();
    fixture.close();
  }

  @Test
  void runsAJobAndCopiesItsLog() {
    TaskRef task =
        accept(
            "hello",
            "[\"echo $GREETING $DSTACK_RUN_NAME\", \"for i in 1 2 3; do echo line $i; sleep 0.05; done\"]",
            Map.of("GREETING", "hei"));

    TaskNews news = activities.submitTask(task);
    TaskNews.Exited exited = toTheEnd(task, news);

    assertThat(exited.exit().reason()).isEqualTo(JobTerminationReason.DONE_BY_RUNNER);
    assertThat(exited.exit().exitStatus()).isZero();
    assertThat(log(task)).isEqualTo("hei hello\nline 1\nline 2\nline 3\n");
    assertThat(activities.submitTask(task)).as("again").isInstanceOf(TaskNews.Exited.class);
    assertThat(log(task)).isEqualTo("hei hello\nline 1\nline 2\nline 3\n");

    activities.removeTask(task);
    activities.removeTask(task);
    assertThat(activities.watchTask(task, 0, false)).isInstanceOf(TaskNews.Unknown.class);
    assertThat(activities.stopTask(task, JobTerminationReason.TERMINATED_BY_USER, Duration.ZERO))
        .isFalse();
  }

  @Test
  void givesTheJobItsSecretsAndNobodyElse() throws Exception {
    new SecretStore(fixture.api, fixture.encryption)
        .save(fixture.project, "KEY", "planted-secret", fixture.clock.instant(), fixture.user);
    TaskRef task =
        accept(
            "secrets",
            "[\"printf %s \\\"$TOKEN\\\" | wc -c\"]",
            Map.of("TOKEN", "${{ secrets.KEY }}"));
    toTheEnd(task, activities.submitTask(task));
    assertThat(log(task).strip()).isEqualTo("14");

    TaskRef unknown = accept("no-secret", "[\"true\"]", Map.of("TOKEN", "${{ secrets.NOBODY }}"));
    assertThatThrownBy(() -> implementation.submitTask(unknown))
        .isInstanceOfSatisfying(
            DstackException.class, e -> assertThat(e.kind()).isEqualTo(ErrorKind.SECRET_NOT_FOUND))
        .hasMessageContaining("NOBODY");
  }

  @Test
  void sendsFiles() throws Exception {
    byte[] tar = tar("input.txt", "from the archive\n");
    String hash = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(tar));
    UUID archive =
        new FileStore(fixture.api).save(fixture.user, hash, tar, fixture.clock.instant());
    TaskRef task =
        accept(
            "files",
            "[\"cat data/input.txt\"]",
            Map.of(),
            ", \"file_archives\": [{\"id\": \"" + archive + "\", \"path\": \"data/input.txt\"}]");
    toTheEnd(task, activities.submitTask(task));
    assertThat(log(task)).isEqualTo("from the archive\n");

    TaskRef missing =
        accept(
            "no-files",
            "[\"true\"]",
            Map.of(),
            ", \"file_archives\": [{\"id\": \"" + UUID.randomUUID() + "\", \"path\": \"data\"}]");
    assertThatThrownBy(() -> implementation.submitTask(missing))
        .isInstanceOfSatisfying(
            DstackException.class, e -> assertThat(e.kind()).isEqualTo(ErrorKind.FILE_NOT_FOUND));
  }

  @Test
  void stopsAJobAndRemovesOneThatStillRuns() {
    TaskRef task = accept("endless", "[\"echo started; sleep 1000\"]", Map.of());
    TaskNews.Phase running = (TaskNews.Phase) activities.submitTask(task);
    assertThat(
            activities.stopTask(
                task, JobTerminationReason.TERMINATED_BY_USER, Duration.ofSeconds(5)))
        .isTrue();
    TaskNews.Exited exited = toTheEnd(task, running);
    assertThat(exited.exit().reason()).isEqualTo(JobTerminationReason.TERMINATED_BY_USER);

    TaskRef other = accept("removed", "[\"sleep 1000\"]", Map.of());
    activities.submitTask(other);
    activities.removeTask(other);
    assertThat(activities.watchTask(other, 0, false)).isInstanceOf(TaskNews.Unknown.class);
  }

  @Test
  void aLineIsSeenWhileTheJobRuns() throws Exception {
    TaskRef task =
        accept(
            "live",
            "[\"echo first; while [ ! -e go ]; do sleep 0.05; done; echo last\"]",
            Map.of());
    TaskNews.Phase running = (TaskNews.Phase) activities.submitTask(task);
    try (ExecutorService pool = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<TaskNews.Exited> end = pool.submit(() -> toTheEnd(task, running));
      Fixture.await("the first line in the copy", () -> log(task).equals("first\n"));
      TaskNews.Phase phase = running;
      String dir = phase.workingDir();
      assertThat(dir).isNotNull();
      Files.createFile(Path.of(dir).resolve("go"));
      end.get();
    }
    assertThat(log(task)).isEqualTo("first\nlast\n");
  }

  @Test
  void saysThatAHostIsSilentOnlyAfterItsTime() {
    InstanceId silent = new InstanceId(UUID.randomUUID());
    connect(silent, new AgentAddress(URI.create("http://127.0.0.1:9"), "t"));
    TaskRef task = on(silent, accept("silent", "[\"true\"]", Map.of()));
    assertThatThrownBy(() -> implementation.submitTask(task))
        .isInstanceOfSatisfying(
            DstackException.class,
            e -> assertThat(e.kind()).isEqualTo(ErrorKind.AGENT_UNREACHABLE));
    assertThat(activities.watchTask(task, 0, false)).isInstanceOf(TaskNews.HostUnreachable.class);
  }

  @Test
  void aTaskOnAMachineThatIsGoneNeedsNothing() {
    TaskRef task = on(new InstanceId(UUID.randomUUID()), accept("gone", "[\"true\"]", Map.of()));
    assertThat(activities.watchTask(task, 0, false)).isInstanceOf(TaskNews.HostUnreachable.class);
    assertThat(activities.stopTask(task, JobTerminationReason.TERMINATED_BY_USER, Duration.ZERO))
        .isFalse();
    activities.removeTask(task);
  }

  @Test
  void theWatchOutlivesTheAgentsDeath() throws Exception {
    try (AgentProcess mortal = new AgentProcess(fixture.serverDir.resolve("mortal"))) {
      InstanceId host = new InstanceId(UUID.randomUUID());
      connect(host, mortal.address());
      TaskRef task =
          on(
              host,
              accept(
                  "survivor",
                  "[\"echo one; while [ ! -e go ]; do sleep 0.05; done; echo two\"]",
                  Map.of()));
      TaskNews.Phase running = (TaskNews.Phase) activities.submitTask(task);
      try (ExecutorService pool = Executors.newVirtualThreadPerTaskExecutor()) {
        Future<TaskNews.Exited> end = pool.submit(() -> toTheEnd(task, running));
        Fixture.await("the first line", () -> log(task).equals("one\n"));
        mortal.kill();
        Files.createFile(Path.of(running.workingDir()).resolve("go"));
        mortal.restart();
        connect(host, mortal.address());
        assertThat(end.get().exit().exitStatus()).isZero();
      }
      assertThat(log(task)).isEqualTo("one\ntwo\n");
    }
  }

  @Test
  void aFullDiskLosesNothing() {
    TaskRef task = accept("full", "[\"seq 1 500\", \"sleep 1000\"]", Map.of());
    TaskNews.Phase running = (TaskNews.Phase) activities.submitTask(task);
    disk.fullFor = task.job();
    assertThatThrownBy(() -> activities.watchTask(task, running.seq(), false))
        .hasStackTraceContaining("the disk is full");
    disk.fullFor = null;
    activities.stopTask(task, JobTerminationReason.TERMINATED_BY_USER, Duration.ofSeconds(5));
    toTheEnd(task, running);
    assertThat(log(task).lines())
        .containsExactlyElementsOf(
            java.util.stream.IntStream.rangeClosed(1, 500).mapToObj(Integer::toString).toList());
  }

  /** Takes half of each write for one job. */
  private static final class FullDisk implements LogStore {
    private final LogStore store;
    private volatile @Nullable JobId fullFor;

    FullDisk(LogStore store) {
      this.store = store;
    }

    @Override
    public long resumeAt(LogKey key) {
      return store.resumeAt(key);
    }

    @Override
    public void write(LogKey key, long offset, byte[] bytes) {
      if (key.job().equals(fullFor)) {
        store.write(key, offset, Arrays.copyOf(bytes, bytes.length / 2));
        throw new DstackException(ErrorKind.DISK_FULL, "the disk is full");
      }
      store.write(key, offset, bytes);
    }

    @Override
    public void complete(LogKey key) {
      store.complete(key);
    }

    @Override
    public Duration lookEvery() {
      return store.lookEvery();
    }

    @Override
    public Optional<String> externalUrl(LogKey key) {
      return store.externalUrl(key);
    }

    @Override
    public void stored(java.util.function.Consumer<List<Stored>> batches) {
      store.stored(batches);
    }

    @Override
    public void delete(LogKey key) {
      store.delete(key);
    }

    @Override
    public LogPage read(LogKey key, LogQuery query) {
      return store.read(key, query);
    }
  }

  private static TaskNews.Exited toTheEnd(TaskRef task, TaskNews news) {
    TaskNews now = news;
    while (true) {
      switch (now) {
        case TaskNews.Exited exited -> {
          return exited;
        }
        case TaskNews.Phase phase -> {
          assertThat(phase.status()).isNotEqualTo(TaskStatus.EXITED);
          now = activities.watchTask(task, phase.seq(), false);
        }
        // Under load a restart takes longer than the watch of this test is willing to wait.
        case TaskNews.ShouldEnd end -> throw new AssertionError("no rule was given: " + end);
        case TaskNews.HostUnreachable _ -> now = activities.watchTask(task, 0, false);
        case TaskNews.Unknown unknown -> throw new AssertionError(unknown);
      }
    }
  }

  private static String log(TaskRef task) {
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    fixture
        .logs
        .read(
            new LogKey(task.project(), task.runName(), task.job()),
            new LogQuery(null, null, false, null, 1_000))
        .frames()
        .forEach(frame -> text.writeBytes(frame.bytes()));
    return text.toString(UTF_8);
  }

  private static void connect(InstanceId host, AgentAddress address) {
    machines.save(
        new InstanceMachine(
            host,
            0,
            fixture.project,
            BackendType.LOCAL,
            "local",
            null,
            address.uri(),
            address.token(),
            "{}"));
  }

  private static TaskRef accept(String name, String commands, Map<String, String> env) {
    return accept(name, commands, env, "");
  }

  private static TaskRef accept(
      String name, String commands, Map<String, String> env, String more) {
    RunId run = new RunId(UUID.randomUUID());
    String names =
        String.join(
            ", ",
            env.keySet().stream()
                .map(key -> "\"" + key + "\": {\"key\": \"" + key + "\"}")
                .toList());
    String spec =
        """
        {"run_name": "%s", "configuration": {"type": "task", "commands": %s, "env": {%s}}%s}
        """
            .formatted(name, commands, names, more);
    fixture.runs.accept(
        new NewRun(
            run,
            fixture.project,
            fixture.user,
            name,
            null,
            spec,
            new RunPrivate(env, null, null),
            "{}",
            0,
            fixture.clock.instant()));
    return new TaskRef(
        new JobId(UUID.randomUUID()), run, fixture.project, "main", name, 0, 0, HOST);
  }

  private static TaskRef on(InstanceId host, TaskRef task) {
    return new TaskRef(
        task.job(),
        task.run(),
        task.projectId(),
        task.project(),
        task.runName(),
        task.replicaNum(),
        task.jobNum(),
        host);
  }

  private static byte[] tar(String name, String content) throws Exception {
    Path dir = Fixture.temporary("tar");
    Files.writeString(dir.resolve(name), content);
    Process tar = new ProcessBuilder("tar", "-C", dir.toString(), "-cf", "-", name).start();
    byte[] bytes = tar.getInputStream().readAllBytes();
    assertThat(tar.waitFor()).isZero();
    return bytes;
  }
}
