package dev.dstack.activities.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.dstack.activities.Fixture;
import dev.dstack.db.records.AccessKeys;
import dev.dstack.db.records.FileStore;
import dev.dstack.db.records.NewRun;
import dev.dstack.db.records.RepoStore;
import dev.dstack.db.records.RunPrivate;
import dev.dstack.db.records.RunSubmissions;
import dev.dstack.db.records.SecretStore;
import dev.dstack.db.records.Volumes;
import dev.dstack.db.views.JobViewRow;
import dev.dstack.db.views.RunReader;
import dev.dstack.db.views.ViewWriter;
import dev.dstack.model.agent.ContainerRequest;
import dev.dstack.model.agent.ContainerRequest.Mount;
import dev.dstack.model.agent.ContainerRequest.PortMap;
import dev.dstack.model.agent.RepoRequest;
import dev.dstack.model.agent.TaskInfo;
import dev.dstack.model.agent.TaskRequest;
import dev.dstack.model.agent.TaskStatus;
import dev.dstack.model.config.ContainerDefaults;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.job.JobStatus;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.model.json.Json;
import dev.dstack.model.resources.Gpu;
import dev.dstack.model.resources.GpuVendor;
import dev.dstack.model.wire.repo.RemoteRepoCreds;
import dev.dstack.model.wire.repo.RemoteRepoInfo;
import dev.dstack.workflows.fleet.Placement;
import dev.dstack.workflows.job.AgentActivities.TaskRef;
import dev.dstack.workflows.job.TaskNews;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What becomes of a specification on its way to a host, with a real database. */
class TaskRequestsTest {
  private static final Gpu GPU = new Gpu(GpuVendor.NVIDIA, "A100", 40_960);
  private static Fixture fixture;
  private static TaskRequests requests;
  private static RunSubmissions runs;

  @BeforeAll
  static void open() {
    fixture = new Fixture();
    runs = new RunSubmissions(fixture.worker, fixture.encryption, fixture.clock);
    requests =
        new TaskRequests(
            new RunSources(
                runs,
                new RunReader(fixture.worker),
                new SecretStore(fixture.worker, fixture.encryption),
                new FileStore(fixture.worker),
                new RepoStore(fixture.worker, fixture.encryption),
                new AccessKeys(fixture.worker),
                new Volumes(fixture.worker, fixture.clock),
                ContainerDefaults.STANDARD),
            0);
    fixture.sql("update records.user_account set ssh_public_key = 'ssh-rsa USER'");
    fixture.sql("update records.project set ssh_public_key = 'ssh-rsa PROJECT'");
    new SecretStore(fixture.api, fixture.encryption)
        .save(fixture.project, "REGISTRY", "s3cr3t", fixture.clock.instant(), fixture.user);
  }

  @AfterAll
  static void close() {
    fixture.close();
  }

  @Test
  void aContainer() {
    TaskRef task =
        accept(
            """
            {"run_name":"boxed","ssh_key_pub":"ssh-rsa RUN","configuration":{"type":"task",
             "image":"ghcr.io/me/tools@sha256:1","commands":["train &","wait"],"user":"1000:1000",
             "working_dir":"/code","privileged":true,"env":{"A":{"key":"A"}},
             "registry_auth":{"username":"","password":""},"ports":["80:8000",10022],
             "volumes":[{"instance_path":"/data","path":"/mnt","optional":true}],
             "resources":{"shm_size":"1GB"}}}
            """,
            new RunPrivate(Map.of("A", "1"), "me", "${{ secrets.REGISTRY }}"),
            GpuPinsTest.placement(List.of(GPU, GPU, GPU), 2));
    TaskRequest request = requests.prepare(task).request();
    ContainerRequest container = request.container();
    assertThat(container).isNotNull();
    assertThat(container.image()).isEqualTo("ghcr.io/me/tools@sha256:1");
    assertThat(container.registry())
        .isEqualTo(new ContainerRequest.RegistryAuth("me", "s3cr3t"))
        .asString()
        .doesNotContain("s3cr3t");
    assertThat(container.cpus()).isEqualTo(1.5);
    assertThat(container.memoryBytes()).isEqualTo(2L << 30);
    assertThat(container.shmBytes()).isEqualTo(1L << 30);
    assertThat(container.gpus()).containsExactly(2);
    assertThat(container.hostNetwork()).isFalse();
    assertThat(container.ports()).containsExactly(new PortMap(8000, 0), new PortMap(10022, 0));
    assertThat(container.mounts()).containsExactly(new Mount("/data", "/mnt", false, true));
    assertThat(container.privileged()).isTrue();
    assertThat(request.user()).isEqualTo("1000:1000");
    assertThat(request.workingDir()).isEqualTo("/code");
    assertThat(request.command()).containsExactly("/bin/sh", "-c", "{ train & } && wait");
    assertThat(request.env())
        .containsEntry("A", "1")
        .containsEntry("DSTACK_RUN_NAME", "boxed")
        .doesNotContainKey("CUDA_VISIBLE_DEVICES");
    assertThat(request.access()).isNotNull();
    assertThat(request.access().authorizedKeys())
        .containsExactly("ssh-rsa RUN", "ssh-rsa USER", "ssh-rsa PROJECT");
  }

  @Test
  void aNodeIsToldOfTheOthers() {
    TaskRef first =
        accept(
            """
            {"run_name":"many","configuration":{"type":"task","image":"tools",
             "groups":[{"name":"head","commands":["serve"]},
                       {"name":"tail","commands":["call ${{ groups[0].nodes[0].IP_ADDRESS }}"]}]}}
            """,
            RunPrivate.NONE.with(new RunPrivate.NodeKey("PRIVATE", "ssh-rsa NODES")),
            node("10.0.0.1", List.of(GPU, GPU)));
    JobId second = new JobId(UUID.randomUUID());
    TaskRef task =
        new TaskRef(
            second, first.run(), first.projectId(), "main", "many", 0, 1, first.instance(), 0);
    assertThatThrownBy(() -> requests.prepare(task)).hasMessageContaining("node 1 of 2");
    show(second, first.run(), 1, node("10.0.0.2", List.of(GPU)));
    TaskRequest request = requests.prepare(task).request();
    assertThat(request.command()).last().isEqualTo("call 10.0.0.1");
    assertThat(request.env())
        .containsEntry("DSTACK_NODES_IPS", "10.0.0.1\n10.0.0.2")
        .containsEntry("DSTACK_MASTER_NODE_IP", "10.0.0.1")
        .containsEntry("DSTACK_NODE_RANK", "1")
        .containsEntry("DSTACK_NODES_NUM", "2")
        .containsEntry("DSTACK_GPUS_PER_NODE", "1")
        .containsEntry("DSTACK_GPUS_NUM", "3");
    assertThat(request.nodes().hostfile()).isEqualTo("10.0.0.1 slots=2\n10.0.0.2 slots=1\n");
    assertThat(request.nodes().rank()).isEqualTo(1);
    assertThat(request.access().interNodeKey()).isEqualTo("PRIVATE");
    assertThat(request.access().authorizedKeys()).contains("ssh-rsa NODES");
    assertThat(request.container().hostNetwork()).isTrue();
  }

  /** One that has its instance entirely. */
  private static Placement node(String address, List<Gpu> gpus) {
    Placement some = GpuPinsTest.placement(gpus);
    return new Placement(
        some.job(),
        some.instance(),
        some.instanceName(),
        some.instanceNum(),
        some.fleet(),
        some.offer(),
        some.offer().resources(),
        1,
        1,
        "host.example",
        List.of(),
        address);
  }

  @Test
  void aProcessIsPinnedByItsEnvironment() {
    TaskRef task =
        accept(
            """
            {"run_name":"plain","configuration":{"type":"task","commands":["train"]}}
            """,
            RunPrivate.NONE,
            GpuPinsTest.placement(List.of(GPU, GPU), 1));
    TaskRequest request = requests.prepare(task).request();
    assertThat(request.container()).isNull();
    assertThat(request.repo()).isNull();
    assertThat(request.env()).containsEntry("CUDA_VISIBLE_DEVICES", "1");
  }

  @Test
  void anUnknownSecretNamesItsField() {
    TaskRef task =
        accept(
            """
            {"run_name":"locked","configuration":{"type":"task","image":"x",
             "registry_auth":{"username":"","password":""}}}
            """,
            new RunPrivate(Map.of(), "me", "${{ secrets.NOPE }}"),
            GpuPinsTest.placement(List.of()));
    assertThatThrownBy(() -> requests.prepare(task))
        .hasMessageContaining("registry_auth")
        .hasMessageContaining("NOPE")
        .isInstanceOfSatisfying(
            DstackException.class, e -> assertThat(e.kind()).isEqualTo(ErrorKind.SECRET_NOT_FOUND));
  }

  @Test
  void aContainerWaitsForItsPlacement() {
    TaskRef task =
        accept(
            "{\"run_name\":\"early\",\"configuration\":{\"type\":\"task\",\"image\":\"x\"}}",
            RunPrivate.NONE,
            null);
    assertThatThrownBy(() -> requests.prepare(task))
        .isInstanceOfSatisfying(
            DstackException.class, e -> assertThat(e.kind().retryable()).isTrue());
  }

  @Test
  void aRepoWithItsCredentialsAndChanges() {
    RepoStore repos = new RepoStore(fixture.api, fixture.encryption);
    repos.init(
        fixture.project,
        "r1",
        new RemoteRepoInfo("tools"),
        fixture.user,
        new RemoteRepoCreds("https://git.example/tools.git", null, "tok"),
        fixture.clock.instant());
    byte[] diff = "diff --git a b".getBytes(StandardCharsets.UTF_8);
    repos.saveCode(fixture.project, "r1", "h1", diff, fixture.clock.instant());
    repos.saveCode(fixture.project, "r1", "h0", new byte[0], fixture.clock.instant());
    String spec =
        """
        {"run_name":"cloned","repo_id":"r1","repo_code_hash":"%s",
         "repo_data":{"repo_type":"remote","repo_name":"tools","repo_branch":"dev",
           "repo_hash":"abc","repo_config_name":"Ann","repo_config_email":"ann@example.com"},
         "configuration":{"type":"dev-environment","image":"x",
           "repos":[{"local_path":".","path":"/code","if_exists":"error"}]}}
        """;
    TaskRequests.Prepared prepared =
        requests.prepare(
            accept(spec.formatted("h1"), RunPrivate.NONE, GpuPinsTest.placement(List.of())));
    assertThat(prepared.request().repo())
        .isEqualTo(
            new RepoRequest(
                "https://git.example/tools.git",
                "dev",
                "abc",
                "h1",
                "/code",
                RepoRequest.IfExists.ERROR,
                false,
                new RepoRequest.Credentials("tok", null),
                new RepoRequest.Author("Ann", "ann@example.com")));
    assertThat(prepared.uploads()).hasSize(1);
    assertThat(prepared.uploads().getFirst().content().get()).isEqualTo(diff);
    TaskRequests.Prepared clean =
        requests.prepare(
            accept(spec.formatted("h0"), RunPrivate.NONE, GpuPinsTest.placement(List.of())));
    assertThat(clean.uploads()).isEmpty();
    assertThat(clean.request().repo()).isNotNull();
    assertThat(clean.request().repo().archive()).isNull();
  }

  @Test
  void aDevEnvironmentNobodyUsesShouldEnd() {
    String spec =
        """
        {"run_name":"idle","configuration":{"type":"dev-environment","inactivity_duration":%s}}
        """;
    Instant now = Instant.parse("2026-01-01T00:00:00Z");
    TaskRef task = accept(spec.formatted("3600"), RunPrivate.NONE, null);
    TaskRules rules = new TaskRules(runs, (_, _, _) -> false, InstantSource.fixed(now), task);
    assertThat(rules.broken(running(now.minusSeconds(3500)))).isEmpty();
    assertThat(rules.patience(running(now.minusSeconds(3500)), Duration.ofDays(1)))
        .isLessThanOrEqualTo(Duration.ofSeconds(100));
    assertThat(rules.broken(running(null))).isEmpty();
    // Somebody was there a moment ago: the clock of the host is not this one's.
    assertThat(rules.broken(running(now.minusSeconds(3601)))).isEmpty();
    assertThat(
            new TaskRules(runs, (_, _, _) -> false, InstantSource.fixed(now), task)
                .broken(running(now.minusSeconds(3601)))
                .map(TaskNews.ShouldEnd::reason))
        .contains(JobTerminationReason.INACTIVITY_DURATION_EXCEEDED);
    TaskRef off = accept(spec.formatted("\"off\""), RunPrivate.NONE, null);
    assertThat(
            new TaskRules(runs, (_, _, _) -> true, InstantSource.fixed(now), off)
                .broken(running(Instant.EPOCH)))
        .isEmpty();
  }

  @Test
  void anAcceleratorNobodyUsesShouldEndItsJob() {
    TaskRef task =
        accept(
            """
            {"run_name":"lazy","configuration":{"type":"task","commands":["a"],
             "utilization_policy":{"min_gpu_utilization":10,"time_window":"5m"}}}
            """,
            RunPrivate.NONE,
            null);
    InstantSource clock = InstantSource.system();
    assertThat(new TaskRules(runs, (_, _, _) -> false, clock, task).broken(running(null)))
        .isEmpty();
    Optional<TaskNews.ShouldEnd> end =
        new TaskRules(
                runs,
                (job, window, percent) ->
                    job.equals(task.job()) && window.equals(Duration.ofMinutes(5)) && percent == 10,
                clock,
                task)
            .broken(running(null));
    assertThat(end.map(TaskNews.ShouldEnd::reason))
        .contains(JobTerminationReason.TERMINATED_DUE_TO_UTILIZATION_POLICY);
  }

  private static TaskInfo running(@Nullable Instant unusedSince) {
    return new TaskInfo(
        new JobId(UUID.randomUUID()),
        TaskStatus.RUNNING,
        3,
        0,
        Instant.EPOCH,
        null,
        "/x",
        "root",
        null,
        Map.of(),
        null,
        unusedSince);
  }

  private static TaskRef accept(String spec, RunPrivate given, @Nullable Placement placement) {
    RunId run = new RunId(UUID.randomUUID());
    String name = Json.lenient().readTree(spec).get("run_name").stringValue() + "-" + run;
    fixture.runs.accept(
        new NewRun(
            run,
            fixture.project,
            fixture.user,
            name,
            null,
            spec,
            given,
            "{}",
            0,
            fixture.clock.instant()));
    JobId job = new JobId(UUID.randomUUID());
    if (placement != null) {
      show(job, run, 0, placement);
    }
    return new TaskRef(
        job,
        run,
        fixture.project,
        "main",
        Json.lenient().readTree(spec).get("run_name").stringValue(),
        0,
        0,
        GpuPinsTest.placement(List.of()).instance());
  }

  private static void show(JobId job, RunId run, int number, Placement placement) {
    Instant now = fixture.clock.instant();
    new ViewWriter(fixture.worker)
        .writeJob(
            new JobViewRow(
                job,
                run,
                fixture.project,
                0,
                number,
                0,
                "node-" + number,
                1,
                JobStatus.PROVISIONING,
                "",
                null,
                null,
                null,
                placement.instance(),
                Json.lenient().writeValueAsString(placement),
                placement.price(),
                null,
                null,
                now,
                now,
                null,
                null,
                Map.of(),
                null,
                null,
                List.of()),
            List.of());
  }
}
