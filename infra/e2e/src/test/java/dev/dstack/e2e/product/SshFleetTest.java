package dev.dstack.e2e.product;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.e2e.harness.Attached;
import dev.dstack.e2e.harness.Await;
import dev.dstack.e2e.harness.Repository;
import dev.dstack.e2e.harness.Runs;
import dev.dstack.e2e.harness.ServerProcess;
import dev.dstack.e2e.harness.SharedServer;
import dev.dstack.e2e.harness.SshHosts;
import dev.dstack.e2e.harness.SshHosts.Host;
import dev.dstack.e2e.harness.UpstreamCli;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.extension.ExtendWith;
import tools.jackson.databind.JsonNode;

/** The example of docs/ssh-hosts.md on five hosts, by upstream's CLI. */
@Tag("system")
@ExtendWith(SharedServer.class)
@EnabledIf(
    value = "dev.dstack.e2e.harness.SshHosts#possible",
    disabledReason = "needs root, dockerd, sshd, nsenter and unshare")
final class SshFleetTest {
  private static final Duration LIMIT = Duration.ofSeconds(180);

  private static SshHosts hosts;
  private static List<Host> all;
  private static ServerProcess server;
  private static Runs runs;
  private static UpstreamCli dstack;

  @BeforeAll
  static void boot(ServerProcess shared) throws Exception {
    server = shared;
    runs = shared.runs();
    dstack = new UpstreamCli(server.home());
    hosts = new SshHosts();
    all = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      all.add(hosts.prepare(i == 4 ? Map.of("user", "ops", "sudo", "") : Map.of()));
    }
    hosts.addNodesImage(all.get(0));
    hosts.addNodesImage(all.get(1));
    // The last one is not there yet when it is looked for.
    start(all.subList(0, 4));
    apply();
    start(all.subList(4, 5));
  }

  private static void start(List<Host> some) throws InterruptedException {
    List<Thread> booting = new ArrayList<>();
    some.forEach(host -> booting.add(Thread.ofVirtual().start(host::start)));
    for (Thread one : booting) {
      one.join();
    }
  }

  private static void apply() throws IOException {
    dstack
        .run(
            "project",
            "add",
            "--name",
            "main",
            "--url",
            server.base().toString(),
            "--token",
            ServerProcess.TOKEN,
            "-y")
        .ok();
    String fleet =
        Files.readString(Repository.root().resolve("examples/ssh-fleet.dstack.yml"))
            .replace("~/.ssh/id_ed25519", hosts.key().toString());
    for (int i = 0; i < all.size(); i++) {
      fleet = fleet.replace("192.0.2.1" + i, all.get(i).address());
    }
    dstack.file("ssh-fleet.dstack.yml", fleet);
    dstack.command("apply", "-f", "ssh-fleet.dstack.yml", "-y", "-d").limit(LIMIT).run().ok();
  }

  @BeforeEach
  void everyHostIsFree() {
    Await.until("five idle hosts", LIMIT, () -> idle() == all.size(), () -> instances().toString());
  }

  /** Nothing is left of the fleet on its hosts. */
  @AfterAll
  static void leave() {
    try (SshHosts _ = hosts) {
      dstack.command("fleet", "delete", "on-prem", "-y").limit(LIMIT).run().ok();
      for (Host host : all) {
        Await.until("nothing is left on " + host.address(), LIMIT, () -> isEmpty(host.agent()));
        assertThat(host.login("ps ax").ok().out()).doesNotContain("dev.dstack.agent.Main");
        assertThat(host.login("cat ~/.ssh/authorized_keys").ok().out()).doesNotContain("dstack:");
      }
    }
  }

  @Test
  void aJobIsReachedThroughItsHostAndOutlivesALostConnection() throws Exception {
    dstack.run("fleet").ok().says("on-prem", "idle");
    // On the first host, because the client would need a key of its own for one behind another.
    String first = all.getFirst().address();
    dstack.file(
        "on-host.dstack.yml",
        """
        type: task
        name: on-host
        image: box
        fleets: [on-prem]
        instances: [{hostname: %s}]
        commands:
        - echo begin $SITE on $(hostname)
        - for i in $(seq 30); do echo tick $i; sleep 1; done
        - echo end
        resources: {cpu: 1.., memory: 100MB.., disk: 100MB..}
        """
            .formatted(first));
    Path home = server.home().resolve("upstream-home");
    try (Attached apply =
        Attached.start(dstack.command("apply", "-f", "on-host.dstack.yml", "-y"))) {
      apply.awaitText("begin hall-2");
      JsonNode machine = runs.get("on-host").at("/latest_job_submission/job_provisioning_data");
      assertThat(machine.path("hostname").asString()).isEqualTo(first);
      assertThat(machine.path("dockerized").asBoolean()).isTrue();
      assertThat(machine.path("username").asString()).isEqualTo("root");
      assertThat(Attached.ssh(home, "on-host", "echo inside $DSTACK_RUN_NAME").ok().out())
          .contains("inside on-host");
    }
    all.getFirst().cut();
    String cutOff = runs.output("on-host");
    all.getFirst().join();
    JsonNode ended = runs.awaitEnd("on-host", LIMIT);
    assertThat(ended.path("status").asString()).as(runs.summary("on-host")).isEqualTo("done");
    assertThat(runs.output("on-host"))
        .startsWith(cutOff.lines().findFirst().orElse(""))
        .contains("tick 1\n", "tick 30\n", "end\n");
  }

  @Test
  void nodesFindEachOtherAndTheMastersEndIsTheEnd() {
    nodes(
        "two-nodes",
        """
        startup_order: workers-first
        stop_criteria: master-done
        commands:
        - echo "rank $DSTACK_NODE_RANK of $DSTACK_NODES_NUM at $DSTACK_MASTER_NODE_IP of" $DSTACK_NODES_IPS
        - echo "hostfile" $(cat $DSTACK_MPI_HOSTFILE)
        - if [ $DSTACK_NODE_RANK = 1 ]; then sleep 600; fi
        - ssh ${{ groups[0].nodes[1].IP_ADDRESS }} 'echo "at worker $DSTACK_NODE_RANK"'
        - ssh ${{ groups[0].nodes[1].IP_ADDRESS }} "ssh $DSTACK_MASTER_NODE_IP echo back again"
        """);
    JsonNode ended = runs.awaitEnd("two-nodes", LIMIT);
    assertThat(ended.path("status").asString()).as(runs.output("two-nodes")).isEqualTo("done");

    List<String> addresses = new ArrayList<>();
    for (int node = 0; node < 2; node++) {
      JsonNode placed = submission(ended, node).path("job_provisioning_data");
      assertThat(placed.path("hostname").asString()).isNotEmpty();
      addresses.add(placed.path("internal_ip").asString());
      assertThat(submission(ended, node).path("status").asString()).isEqualTo("done");
    }
    assertThat(new TreeSet<>(addresses))
        .isEqualTo(new TreeSet<>(List.of(all.get(0).address(), all.get(1).address())));
    String both = addresses.getFirst() + " " + addresses.getLast();
    assertThat(runs.output("two-nodes"))
        .contains("rank 0 of 2 at " + addresses.getFirst() + " of " + both + "\n")
        .contains("hostfile " + both + "\n")
        .contains("at worker 1\n")
        .contains("back again\n");
    assertThat(runs.output("two-nodes", submission(ended, 1).path("id").asString(), 1000))
        .contains("rank 1 of 2 at " + addresses.getFirst() + " of " + both + "\n");
  }

  @Test
  void aNodesFailureEndsTheOther() {
    nodes(
        "half-broken",
        """
        commands:
        - if [ $DSTACK_NODE_RANK = 1 ]; then exit 7; fi
        - sleep 600
        """);
    JsonNode ended = runs.awaitEnd("half-broken", LIMIT);
    assertThat(ended.path("status").asString()).isEqualTo("failed");
    assertThat(ended.path("termination_reason").asString()).isEqualTo("job_failed");
    assertThat(submission(ended, 0).path("termination_reason").asString())
        .isEqualTo("terminated_by_server");
    assertThat(submission(ended, 1).path("termination_reason").asString())
        .isEqualTo("container_exited_with_error");
    assertThat(submission(ended, 1).path("exit_status").asInt()).isEqualTo(7);
  }

  @Test
  void aHostThatIsRebootedTellsWhatBecameOfItsJobAndIsUsedAgain() {
    Host host = all.get(2);
    pinned(host, "before-boot", "echo begin", "sleep 600");
    Await.until("it runs", LIMIT, () -> runs.output("before-boot").contains("begin"));
    host.powerOff();
    host.start();
    JsonNode lost = runs.awaitEnd("before-boot", LIMIT);
    assertThat(lost.path("status").asString()).isEqualTo("failed");
    assertThat(submission(lost, 0).path("termination_reason_message").asString())
        .contains("the host was rebooted while the task ran");
    everyHostIsFree();
    pinned(host, "after-boot", "echo on $(hostname)");
    assertThat(runs.awaitEnd("after-boot", LIMIT).path("status").asString())
        .as(runs.summary("after-boot"))
        .isEqualTo("done");
  }

  @Test
  void hostsThatLetNobodyInAreToldOfAndLetGo() {
    Host closed = hosts.prepareClosed(Map.of());
    closed.start();
    String nobody = closed.address().replaceFirst("\\d+$", "250");
    dstack.file(
        "closed.dstack.yml",
        """
        type: fleet
        name: closed
        ssh_config:
          user: root
          identity_file: %s
          hosts: [%s, %s]
        """
            .formatted(hosts.key(), closed.address(), nobody));
    dstack.command("apply", "-f", "closed.dstack.yml", "-y", "-d").limit(LIMIT).run().ok();
    Await.until(
        "the fleet says why",
        LIMIT,
        () ->
            fleet("closed")
                .path("status_message")
                .asString("")
                .contains("none of the given keys is authorized"),
        () -> fleet("closed").toString());
    // There is nothing of ours on either of them to wait for.
    dstack.command("fleet", "delete", "closed", "-y").limit(LIMIT).run().ok();
  }

  private static void pinned(Host host, String name, String... commands) {
    Map<String, Object> spec = Runs.with(Runs.task(name, commands), "image", "box");
    spec = Runs.with(spec, "fleets", List.of("on-prem"));
    // A host is shown as there a moment before its fleet knows.
    spec = Runs.with(spec, "retry", Map.of("on_events", List.of("no-capacity"), "duration", 600));
    runs.submit(Runs.with(spec, "instances", List.of(Map.of("hostname", host.address()))));
  }

  /** By upstream's CLI, on the two hosts that have the image. */
  private static void nodes(String name, String more) {
    dstack.file(
        name + ".dstack.yml",
        """
        type: task
        name: %s
        nodes: 2
        image: nodes
        fleets: [on-prem]
        instances: [{hostname: %s}, {hostname: %s}]
        resources: {cpu: 1.., memory: 100MB.., disk: 100MB..}
        """
                .formatted(name, all.get(0).address(), all.get(1).address())
            + more);
    dstack.run("apply", "-f", name + ".dstack.yml", "-y", "-d").ok().says(name);
  }

  private static JsonNode submission(JsonNode run, int node) {
    return run.path("jobs").path(node).path("job_submissions").path(0);
  }

  private static JsonNode instances() {
    return fleet("on-prem");
  }

  private static JsonNode fleet(String name) {
    return server.api().post("/api/project/main/fleets/get", Map.of("name", name)).ok();
  }

  private static long idle() {
    return instances()
        .path("instances")
        .valueStream()
        .filter(instance -> instance.path("status").asString().equals("idle"))
        .filter(instance -> !instance.path("unreachable").asBoolean())
        .count();
  }

  private static boolean isEmpty(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.findAny().isEmpty();
    }
  }
}
