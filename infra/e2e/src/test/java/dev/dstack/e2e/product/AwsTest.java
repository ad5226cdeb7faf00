package dev.dstack.e2e.product;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.dstack.backends.testkit.Ec2Proxy;
import dev.dstack.backends.testkit.Moto;
import dev.dstack.e2e.harness.Api;
import dev.dstack.e2e.harness.Await;
import dev.dstack.e2e.harness.Histories;
import dev.dstack.e2e.harness.MotoCloud;
import dev.dstack.e2e.harness.MotoCloud.Machine;
import dev.dstack.e2e.harness.Runs;
import dev.dstack.e2e.harness.ServerProcess;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.extension.TestWatcher;
import tools.jackson.databind.JsonNode;

/**
 * The server and an AWS whose machines are hosts, booted from the user data that the server sent.
 */
@Tag("system")
@Timeout(900)
@EnabledIf(
    value = "dev.dstack.e2e.harness.SshHosts#possible",
    disabledReason = "needs root, dockerd, sshd, nsenter and unshare")
final class AwsTest {
  private static final Duration LIMIT = Duration.ofSeconds(240);
  private static final String MAIN = "/api/project/main/";
  private static final String CONFIG =
      """
      projects:
      - name: main
        backends:
        - type: aws
          creds: {type: access_key, access_key: test, secret_key: test-secret}
          regions: [us-east-1]
      """;

  private static MotoCloud cloud;
  private static ServerProcess server;
  private static Api api;
  private static Runs runs;
  private static String orphan;
  private static String foreign;

  @RegisterExtension
  static final TestWatcher KEEP_LOGS =
      new TestWatcher() {
        @Override
        public void testFailed(ExtensionContext context, Throwable cause) {
          System.err.println(cloud.story());
          server.keepLogs("AwsTest." + context.getDisplayName());
        }
      };

  @BeforeAll
  static void start() throws SQLException {
    assumeTrue(Moto.program().isPresent(), "moto is not installed; ./test installs it");
    cloud = new MotoCloud();
    server =
        ServerProcess.prepare(
            ServerProcess.newHome(),
            CONFIG,
            Map.of("AWS_ENDPOINT_URL", cloud.proxy().uri().toString()));
    server.startAgain();
    api = server.api();
    runs = server.runs();
    // The sweep looks twice, a minute apart: meanwhile the other tests go on.
    orphan = cloud.plant(ownedBy(deployment()), Duration.ofHours(1));
    foreign = cloud.plant(ownedBy(UUID.randomUUID().toString()), Duration.ofHours(1));
    try (Histories engine = Histories.of(server)) {
      Await.until("there is a schedule of the sweep", LIMIT, () -> engine.hasSchedule("sweep"));
      engine.trigger("sweep");
    }
  }

  private static Map<String, String> ownedBy(String deployment) {
    return Map.of(
        "dstack:deployment",
        deployment,
        "dstack:instance",
        UUID.randomUUID().toString(),
        "dstack:attempt",
        "1");
  }

  private static String deployment() throws SQLException {
    try (Connection connection =
            DriverManager.getConnection(
                "jdbc:postgresql://127.0.0.1:"
                    + server.databasePort()
                    + "/dstack?sslmode=disable&gssEncMode=disable",
                "postgres",
                server.databasePassword());
        Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery("select id from records.deployment")) {
      assertThat(rows.next()).isTrue();
      return rows.getString(1);
    }
  }

  @AfterAll
  static void stop() {
    if (server != null) {
      server.close();
    }
    if (cloud != null) {
      cloud.close();
    }
  }

  private static void fleet(String name) {
    fleet(name, Map.of("min", 0, "max", 1), "1s");
  }

  private static void fleet(String name, Object nodes, String idle) {
    Map<String, Object> configuration = new LinkedHashMap<>();
    configuration.put("type", "fleet");
    configuration.put("name", name);
    configuration.put("nodes", nodes);
    configuration.put("backends", List.of("aws"));
    configuration.put("spot_policy", "on-demand");
    configuration.put("idle_duration", idle);
    configuration.put("resources", Map.of("cpu", "2..", "memory", "2GB..", "disk", "100GB.."));
    Map<String, Object> spec = new LinkedHashMap<>();
    spec.put("configuration", configuration);
    spec.put("profile", Map.of("name", "default"));
    Map<String, Object> plan = new LinkedHashMap<>();
    plan.put("spec", spec);
    plan.put("current_resource", null);
    api.post(MAIN + "fleets/apply", Map.of("plan", plan, "force", false)).ok();
  }

  private static void submit(String run, String fleet, String... commands) {
    runs.submit(task(run, fleet, commands));
  }

  private static Map<String, Object> task(String run, String fleet, String... commands) {
    Map<String, Object> spec = Runs.with(Runs.task(run, commands), "image", "box");
    return Runs.with(spec, "fleets", List.of(fleet));
  }

  private static Machine machineOf(String fleet) {
    return Await.value(
        "a machine of fleet " + fleet,
        LIMIT,
        () -> cloud.machines("dstack_fleet", fleet).stream().findFirst(),
        cloud::story);
  }

  private static JsonNode done(String run) {
    JsonNode ended = runs.awaitEnd(run, LIMIT);
    assertThat(ended.path("status").asString())
        .as(runs.summary(run) + "\n" + cloud.story())
        .isEqualTo("done");
    return ended;
  }

  /** What the machine cost is over as soon as it has been idle for as long as the fleet says. */
  private static void gone(Machine machine) {
    Await.until(
        machine.id() + " is terminated",
        LIMIT,
        () -> cloud.machines().stream().anyMatch(one -> same(one, machine) && one.isOver()),
        cloud::story);
    Await.until("its host is off", LIMIT, () -> !cloud.host(machine.id()).isOn(), cloud::story);
    Await.until(
        "the server says so",
        LIMIT,
        () ->
            api.post("/api/instances/list", Map.of("only_active", true))
                .ok()
                .valueStream()
                .noneMatch(
                    one ->
                        one.path("fleet_name")
                            .asString("")
                            .equals(machine.tags().get("dstack_fleet"))));
  }

  private static boolean same(Machine one, Machine other) {
    return one.id().equals(other.id());
  }

  private static List<Ec2Proxy.Call> callsFor(String fleet) {
    return cloud.proxy().calls("RunInstances").stream()
        .filter(call -> call.parameters().containsValue(fleet))
        .toList();
  }

  @Test
  void aMachineBootsFromWhatWasSentRunsAJobAndGoes() {
    fleet("aws-fleet");
    submit("aws-run", "aws-fleet", "echo hello from $(hostname)", "sleep 2", "echo bye");
    Machine machine = machineOf("aws-fleet");
    // While anything needs its credentials it stays.
    api.post(MAIN + "backends/delete", Map.of("backends_names", List.of("aws")))
        .refused(400, "can't be removed while it is used by", "instance aws-fleet-0");

    JsonNode ended = done("aws-run");

    assertThat(runs.lines("aws-run")).hasSize(2).last().isEqualTo("bye");
    assertThat(runs.lines("aws-run").getFirst()).startsWith("hello from ");
    JsonNode had = ended.at("/latest_job_submission/job_provisioning_data");
    assertThat(had.path("backend").asString()).isEqualTo("aws");
    assertThat(had.path("region").asString()).isEqualTo("us-east-1");
    assertThat(had.path("instance_id").asString()).isEqualTo(machine.id());
    assertThat(had.path("hostname").asString()).isEqualTo(cloud.host(machine.id()).address());
    assertThat(had.path("username").asString()).isEqualTo("ubuntu");
    assertThat(machine.tags())
        .containsEntry("dstack_project", "main")
        .containsEntry("dstack_user", "admin")
        .containsEntry("dstack_name", "aws-fleet-0");
    assertThat(callsFor("aws-fleet"))
        .singleElement()
        .satisfies(
            call ->
                assertThat(cloud.userData(machine.id()))
                    .startsWith("#!")
                    .isEqualTo(
                        new String(
                            Base64.getDecoder().decode(call.parameters().get("UserData")),
                            StandardCharsets.UTF_8)));
    gone(machine);
    api.post(MAIN + "fleets/delete", Map.of("names", List.of("aws-fleet"))).ok();
  }

  /**
   * Only the token of the first call says that there is a machine: no list shows it. And somebody
   * takes the backend out of the server's configuration before its next start.
   */
  @Test
  void aServerThatDiesWhileAMachineIsMadeMakesNoSecondOne() throws IOException {
    Ec2Proxy proxy = cloud.proxy();
    proxy.afterNext(
        "RunInstances",
        () -> {
          proxy.hideMachines();
          proxy.afterNext("RunInstances", proxy::mend);
          server.kill9();
        });
    fleet("aws-killed");
    submit("aws-survivor", "aws-killed", "echo alive");
    Await.until("the server is dead", LIMIT, () -> !server.alive());
    server.write(".dstack/server/config.yml", "projects:\n- name: main\n  backends: []\n");
    server.startAgain();
    assertThat(Files.readString(server.log()))
        .contains("can't be removed while it is used by", "instance aws-killed-0");
    api.post(MAIN + "backends/aws/get_yaml", Map.of()).ok();

    done("aws-survivor");

    assertThat(runs.lines("aws-survivor")).containsExactly("alive");
    assertThat(callsFor("aws-killed")).hasSizeGreaterThanOrEqualTo(2);
    assertThat(callsFor("aws-killed"))
        .extracting(call -> call.parameters())
        .containsOnly(callsFor("aws-killed").getFirst().parameters());
    List<Machine> made = cloud.machines("dstack_fleet", "aws-killed");
    assertThat(made).hasSize(1);
    gone(made.getFirst());
    api.post(MAIN + "fleets/delete", Map.of("names", List.of("aws-killed"))).ok();
  }

  private static JsonNode volume() {
    return api.post(MAIN + "volumes/get", Map.of("name", "aws-data")).ok();
  }

  private static void makeVolume() {
    Map<String, String> configuration = new LinkedHashMap<>();
    configuration.put("type", "volume");
    configuration.put("name", "aws-data");
    configuration.put("backend", "aws");
    configuration.put("region", "us-east-1");
    configuration.put("size", "1GB");
    api.post(MAIN + "volumes/create", Map.of("configuration", configuration)).ok();
    Await.until(
        "the volume is active", LIMIT, () -> volume().path("status").asString().equals("active"));
    assertThat(cloud.volumes().values())
        .singleElement()
        .satisfies(
            tags ->
                assertThat(tags)
                    .containsEntry("dstack_user", "admin")
                    .containsEntry("dstack_name", "aws-data"));
  }

  private static void deleteVolume() {
    api.post(MAIN + "volumes/delete", Map.of("names", List.of("aws-data"))).ok();
    Await.until("it is deleted", LIMIT, () -> cloud.volumes().isEmpty());
  }

  private static boolean isIdle(String fleet) {
    return api.post("/api/instances/list", Map.of("only_active", true))
        .ok()
        .valueStream()
        .anyMatch(
            one ->
                one.path("fleet_name").asString("").equals(fleet)
                    && one.path("status").asString().equals("idle"));
  }

  /** What upstream's users lost: the first job's volume by the second one's attempt to have it. */
  @Test
  void aVolumeIsOnOneMachineAtATimeAndKeepsWhatIsOnIt() {
    makeVolume();
    if (!MotoCloud.hasDisks()) {
      deleteVolume();
      assumeTrue(false, "no loop devices here, so no job can have the volume");
    }
    for (String fleet : List.of("aws-first", "aws-second")) {
      fleet(fleet, 1, "off");
    }
    for (String fleet : List.of("aws-first", "aws-second")) {
      Await.until("the machine of " + fleet + " is idle", LIMIT, () -> isIdle(fleet), cloud::story);
    }
    List<String> mount = List.of("aws-data:/data");
    runs.submit(
        Runs.with(
            task("writes", "aws-first", "echo kept > /data/file", "echo written", "sleep 600"),
            "volumes",
            mount));
    runs.awaitStatus("writes", LIMIT, "running");
    Await.until("it has written", LIMIT, () -> runs.lines("writes").contains("written"));
    JsonNode attached = volume().path("attachments");
    assertThat(attached).hasSize(1);
    assertThat(attached.at("/0/instance/instance_id").asString())
        .isEqualTo(machineOf("aws-first").id());
    assertThat(attached.at("/0/attachment_data/device_name").asString()).startsWith("/dev/sd");

    runs.submit(Runs.with(task("grabs", "aws-second", "ls /data"), "volumes", mount));
    JsonNode refused = runs.awaitEnd("grabs", LIMIT).path("latest_job_submission");
    assertThat(refused.path("termination_reason").asString())
        .as(runs.summary("grabs"))
        .isEqualTo("volume_error");
    assertThat(refused.path("termination_reason_message").asString())
        .contains("aws-data is in use", "run writes");
    api.post(MAIN + "volumes/delete", Map.of("names", List.of("aws-data")))
        .refused(400, "in use", "run writes");
    api.post(MAIN + "backends/delete", Map.of("backends_names", List.of("aws")))
        .refused(400, "can't be removed while it is used by", "volume aws-data");
    assertThat(runs.status("writes")).isEqualTo("running");
    assertThat(volume().path("attachments")).isEqualTo(attached);

    runs.stop("writes");
    runs.awaitEnd("writes", LIMIT);
    assertThat(volume().path("attachments")).isEmpty();
    runs.submit(Runs.with(task("reads", "aws-second", "cat /data/file"), "volumes", mount));
    done("reads");
    assertThat(runs.lines("reads")).containsExactly("kept");
    deleteVolume();
    api.post(MAIN + "fleets/delete", Map.of("names", List.of("aws-first", "aws-second"))).ok();
    gone(machineOf("aws-first"));
    gone(machineOf("aws-second"));
  }

  @Test
  void theSweepEndsWhatIsOursAndNobodysAndNothingElse() {
    try (Histories engine = Histories.of(server)) {
      // Skipped where the first pass goes on; that one may have seen the hidden list of another
      // test.
      engine.trigger("sweep");
    }
    Await.until(
        "the orphan is ended",
        LIMIT,
        () -> cloud.machines().stream().anyMatch(one -> one.id().equals(orphan) && one.isOver()),
        cloud::story);
    assertThat(cloud.machines().stream().filter(one -> one.id().equals(foreign)))
        .singleElement()
        .satisfies(one -> assertThat(one.state()).isEqualTo("running"));
    JsonNode told =
        Await.value(
            "an event tells of it",
            LIMIT,
            () ->
                api.post("/api/events/list", Map.of("limit", 100))
                    .ok()
                    .valueStream()
                    .filter(event -> event.path("message").asString("").contains(orphan))
                    .findFirst(),
            () -> "");
    assertThat(told.path("message").asString()).contains("had no owner and was ended");
    try (Histories engine = Histories.of(server)) {
      assertThat(engine.hasSchedule("catalog:aws")).isTrue();
      assertThat(engine.find("WorkflowType = 'SweepPass'")).isNotEmpty();
    }
  }
}
