package dev.dstack.activities.agent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.activities.AgentProcess;
import dev.dstack.activities.Fixture;
import dev.dstack.activities.backend.BackendRegistry;
import dev.dstack.activities.host.AgentDirectory;
import dev.dstack.activities.host.Hosts;
import dev.dstack.activities.host.HttpHostAgent;
import dev.dstack.activities.host.Logins;
import dev.dstack.activities.metrics.JobSampler;
import dev.dstack.activities.support.Heartbeats;
import dev.dstack.backends.AgentAddress;
import dev.dstack.backends.PrivateKey;
import dev.dstack.backends.RemoteHosts;
import dev.dstack.backends.SshHostSpec;
import dev.dstack.db.metrics.JobSamples;
import dev.dstack.db.records.AccessKeys;
import dev.dstack.db.records.BackendStore;
import dev.dstack.db.records.FileStore;
import dev.dstack.db.records.Fleets;
import dev.dstack.db.records.HostKeyPins;
import dev.dstack.db.records.InstanceMachine;
import dev.dstack.db.records.InstanceMachines;
import dev.dstack.db.records.NewRun;
import dev.dstack.db.records.ProjectStore;
import dev.dstack.db.records.RepoStore;
import dev.dstack.db.records.RunPrivate;
import dev.dstack.db.records.RunSubmissions;
import dev.dstack.db.records.SecretStore;
import dev.dstack.db.records.Volumes;
import dev.dstack.db.views.RunReader;
import dev.dstack.db.views.ViewWriter;
import dev.dstack.model.agent.StopRequest;
import dev.dstack.model.config.ContainerDefaults;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.model.json.Json;
import dev.dstack.model.offer.BackendType;
import dev.dstack.workflows.job.AgentActivities;
import dev.dstack.workflows.job.AgentActivities.TaskRef;
import dev.dstack.workflows.job.TaskNews;
import dev.dstack.workflows.support.DataConverters;
import io.temporal.activity.ActivityOptions;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.testing.TestActivityEnvironment;
import io.temporal.testing.TestEnvironmentOptions;
import java.io.IOException;
import java.net.http.HttpClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A job on a host whose connection is away for minutes, while only the minutes are pretended. */
class LostConnectionTest {
  private final Fixture fixture = new Fixture();
  private final HttpClient http = HttpHostAgent.client();
  private final Heartbeats heartbeats = new Heartbeats();
  private final Line line = new Line();
  private final AtomicLong later = new AtomicLong();
  private final InstanceMachines machines =
      new InstanceMachines(fixture.worker, fixture.encryption, fixture.clock);
  private final InstanceId host = new InstanceId(UUID.randomUUID());
  private AgentProcess agent;
  private TestActivityEnvironment temporal;
  private AgentActivities activities;

  @BeforeEach
  void open() throws Exception {
    agent = new AgentProcess(fixture.serverDir.resolve("agent"));
    BackendRegistry backends =
        new BackendRegistry(
            new BackendStore(fixture.worker, fixture.encryption),
            fixture.context(),
            Collections.emptySortedMap());
    Hosts hosts =
        new Hosts(
            line,
            machines,
            new HostKeyPins(fixture.worker, fixture.clock),
            new Logins(
                new Fleets(fixture.worker, fixture.encryption, fixture.clock),
                new ProjectStore(fixture.worker, fixture.encryption)),
            "test");
    AgentActivitiesImpl implementation =
        new AgentActivitiesImpl(
            new AgentDirectory(machines, backends, http, hosts),
            new RunSources(
                new RunSubmissions(fixture.worker, fixture.encryption, fixture.clock),
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
            fixture.logs,
            heartbeats,
            new JobSampler(new JobSamples(fixture.worker)),
            0,
            Duration.ofMinutes(2),
            () -> System.nanoTime() + later.get());
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
    SshHostSpec spec =
        new SshHostSpec(
            "host.example",
            22,
            "root",
            List.of(new PrivateKey("key", null)),
            null,
            null,
            null,
            null,
            Map.of());
    machines.save(
        new InstanceMachine(
            host,
            1,
            fixture.project,
            BackendType.SSH,
            "root@host.example:22",
            "host.example",
            agent.address().uri(),
            agent.address().token(),
            "{}",
            Json.lenient()
                .writeValueAsString(new Hosts.Login(UUID.randomUUID(), "on-prem-0", spec)),
            true));
  }

  @AfterEach
  void close() throws Exception {
    temporal.close();
    heartbeats.close();
    HttpHostAgent direct = new HttpHostAgent(http, agent.address());
    direct
        .tasks()
        .forEach(
            task ->
                direct.stop(task.id(), new StopRequest(JobTerminationReason.ABORTED_BY_USER, 0)));
    agent.close();
    http.close();
    fixture.close();
  }

  @Test
  void twelveMinutesDisturbNothingAndSixteenAreTheEnd() throws Exception {
    TaskRef task = accept("while [ ! -e go ]; do sleep 0.05; done; echo done");
    TaskNews.Phase running = (TaskNews.Phase) activities.submitTask(task);
    try (ExecutorService pool = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<TaskNews> watch = pool.submit(() -> activities.watchTask(task, running.seq(), false));
      lose();
      pass(Duration.ofMinutes(12));
      assertThat(watch.isDone()).isFalse();
      line.cut = false;
      Files.createFile(Path.of(running.workingDir()).resolve("go"));
      assertThat(watch.get())
          .isInstanceOfSatisfying(
              TaskNews.Exited.class, end -> assertThat(end.exit().exitStatus()).isZero());
    }

    TaskRef other = accept("sleep 1000");
    TaskNews.Phase second = (TaskNews.Phase) activities.submitTask(other);
    try (ExecutorService pool = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<TaskNews> watch = pool.submit(() -> activities.watchTask(other, second.seq(), false));
      lose();
      later.addAndGet(Duration.ofMinutes(16).toNanos());
      assertThat(watch.get())
          .isInstanceOfSatisfying(
              TaskNews.HostUnreachable.class,
              lost -> assertThat(lost.message()).contains("the cable is out"));
    } finally {
      line.cut = false;
    }
  }

  /** The agent is gone for whoever watches it, as after a connection that broke. */
  private void lose() throws IOException {
    int before = line.refused.get();
    line.cut = true;
    agent.kill();
    Fixture.await("the silence is noticed", () -> line.refused.get() > before);
    agent.restart();
    InstanceMachine known = machines.current(host).orElseThrow();
    machines.save(
        new InstanceMachine(
            known.instance(),
            known.attempt(),
            known.project(),
            known.backend(),
            known.providerId(),
            known.hostname(),
            agent.address().uri(),
            agent.address().token(),
            known.offerJson(),
            known.accessJson(),
            true));
  }

  private void pass(Duration time) {
    later.addAndGet(time.toNanos());
    int asked = line.refused.get();
    Fixture.await("it goes on asking", () -> line.refused.get() >= asked + 2);
  }

  private TaskRef accept(String command) {
    RunId run = new RunId(UUID.randomUUID());
    String name = "r" + run.toString().substring(0, 8);
    fixture.runs.accept(
        new NewRun(
            run,
            fixture.project,
            fixture.user,
            name,
            null,
            Json.lenient()
                .writeValueAsString(
                    Map.of(
                        "run_name",
                        name,
                        "configuration",
                        Map.of("type", "task", "commands", List.of(command)))),
            new RunPrivate(Map.of(), null, null),
            "{}",
            0,
            fixture.clock.instant()));
    return new TaskRef(
        new JobId(UUID.randomUUID()), run, fixture.project, "main", name, 0, 0, host);
  }

  /** A connection to the host that can be cut. */
  private static final class Line implements RemoteHosts {
    private final AtomicInteger refused = new AtomicInteger();
    private volatile boolean cut;

    @Override
    public AgentAddress reach(Access access, AgentAddress there) {
      if (cut) {
        refused.incrementAndGet();
        throw new DstackException(ErrorKind.AGENT_UNREACHABLE, "the cable is out");
      }
      return there;
    }

    @Override
    public Installed install(Access access, Predicate<String> isAlive, Runnable touching) {
      throw new IllegalStateException("nothing is installed here");
    }

    @Override
    public Optional<Installed> find(Access access) {
      throw new IllegalStateException("nothing is looked for here");
    }

    @Override
    public void doubt(Access access) {}

    @Override
    public void authorize(Access access, String label, List<String> publicKeys) {}

    @Override
    public void withdraw(Access access, String label) {}

    @Override
    public void remove(Access access) {}

    @Override
    public void disconnect(String instance) {}

    @Override
    public void close() {}
  }
}
