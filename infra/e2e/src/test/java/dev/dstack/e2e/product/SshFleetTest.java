package dev.dstack.e2e.product;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.e2e.harness.Attached;
import dev.dstack.e2e.harness.Await;
import dev.dstack.e2e.harness.Command;
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
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
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

  private final SshHosts hosts = new SshHosts();

  @AfterEach
  void powerOff() {
    hosts.close();
  }

  @Test
  void hostsBecomeAFleetRunJobsAndAreCleanedUp(ServerProcess server) throws Exception {
    List<Host> all = boot();
    UpstreamCli dstack = new UpstreamCli(server.home());
    Runs runs = server.runs();
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
    Await.until(
        "five idle hosts",
        LIMIT,
        () -> idle(server) == all.size(),
        () -> instances(server).toString());
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

    dstack.command("fleet", "delete", "on-prem", "-y").limit(LIMIT).run().ok();
    for (Host host : all) {
      Await.until("nothing is left on " + host.address(), LIMIT, () -> isEmpty(host.agent()));
      assertThat(loggedIn(host, "ps ax")).doesNotContain("dev.dstack.agent.Main");
      assertThat(loggedIn(host, "cat ~/.ssh/authorized_keys")).doesNotContain("dstack:");
    }
  }

  private List<Host> boot() throws InterruptedException {
    List<Host> all = new ArrayList<>();
    List<Thread> booting = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      Host host = hosts.prepare(i == 4 ? Map.of("user", "ops", "sudo", "") : Map.of());
      all.add(host);
      booting.add(Thread.ofVirtual().start(host::start));
    }
    for (Thread one : booting) {
      one.join();
    }
    return all;
  }

  private static JsonNode instances(ServerProcess server) {
    return server.api().post("/api/project/main/fleets/get", Map.of("name", "on-prem")).ok();
  }

  private static long idle(ServerProcess server) {
    return instances(server)
        .path("instances")
        .valueStream()
        .filter(instance -> instance.path("status").asString().equals("idle"))
        .count();
  }

  private String loggedIn(Host host, String command) {
    return new Command(
            List.of(
                "ssh",
                "-i",
                hosts.key().toString(),
                "-o",
                "StrictHostKeyChecking=no",
                "-o",
                "UserKnownHostsFile=/dev/null",
                "-o",
                "BatchMode=yes",
                (host.hasUser() ? "ops" : "root") + "@" + host.address(),
                command))
        .run()
        .ok()
        .out();
  }

  private static boolean isEmpty(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.findAny().isEmpty();
    }
  }
}
