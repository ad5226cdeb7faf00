package dev.dstack.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.cli.CliHarness.Running;
import dev.dstack.cli.data.Doc;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Fleets that are applied and deleted, and what is said when that can't be. */
class FleetsTest {
  private static final String PROJECT = "/api/project/main";

  @TempDir Path home;
  private FakeServer server;
  private CliHarness cli;

  @BeforeEach
  void start() throws IOException {
    server = new FakeServer();
    cli = new CliHarness(home).connectedTo(server);
    Files.writeString(home.resolve("id"), "-----BEGIN KEY-----");
    Files.writeString(home.resolve("id.pub"), "ssh-ed25519 AAAA");
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private String file(String text) throws IOException {
    Files.writeString(home.resolve("it.dstack.yml"), text);
    return "it.dstack.yml";
  }

  private static FakeServer.Answer wrong(List<Object> place, String message) {
    return new FakeServer.Answer(
        422, Map.of("detail", List.of(Map.of("loc", place, "msg", message, "type", "x"))));
  }

  @Test
  void whatIsWrongIsToldByItsLine() throws IOException {
    server.on(
        PROJECT + "/fleets/get_plan",
        _ -> wrong(List.of("body", "spec", "configuration", "resorces"), "no such field"));
    String fleet = file("type: fleet\nname: f\nnodes: 1\nresorces: {cpu: 2}\n");
    assertThat(cli.run("apply", "-f", fleet, "-y")).isEqualTo(ExitCode.FAILED);
    assertThat(cli.errors()).contains("it.dstack.yml:4: resorces: no such field");

    server.on(
        PROJECT + "/volumes/get",
        _ -> FakeServer.error(400, "Volume not found", "resource_not_exists"));
    server.on(
        PROJECT + "/volumes/create",
        _ -> wrong(List.of("body", "configuration", "size"), "not an amount"));
    String volume = file("type: volume\nname: v\nbackend: aws\nregion: local\nsize: lots\n");
    assertThat(cli.run("apply", "-f", volume, "-y")).isEqualTo(ExitCode.FAILED);
    assertThat(cli.errors()).contains("it.dstack.yml:5: size: not an amount");
  }

  @Test
  void nobodyIsAskedWhetherToDeleteWhatIsNotThere() {
    server.answers(PROJECT + "/fleets/get", fleet("on-prem", List.of(instance(0, "idle"))));
    assertThat(cli.run("fleet", "delete", "on-prem", "-i", "7")).isEqualTo(ExitCode.FAILED);
    assertThat(cli.errors()).contains("on-prem has no instance 7; it has 0");
    assertThat(cli.output()).isEmpty();
    assertThat(server.calls(PROJECT + "/fleets/delete_instances")).isEmpty();
  }

  @Test
  void whyNamesTheRunThatIsNotThere() {
    server.on(
        PROJECT + "/runs/why", _ -> FakeServer.error(400, "Run not found", "resource_not_exists"));
    assertThat(cli.run("why", "nope")).isEqualTo(ExitCode.FAILED);
    assertThat(cli.errors()).contains("no run `nope` in the project `main`", "dstack ps -a");
  }

  /** Its instance is being ended for a moment before the fleet says why. */
  @Test
  void anApplyTellsWhyAHostCouldNotBeSetUp() throws IOException {
    Map<String, Object> failed = fleet("on-prem", List.of());
    failed.put("status_message", "none of the given keys is authorized");
    List<Map<String, Object>> states =
        List.of(
            fleet("on-prem", List.of(instance(0, "provisioning"))),
            fleet("on-prem", List.of(instance(0, "terminating"))),
            failed);
    Map<String, Object> plan = new HashMap<>();
    plan.put("project_name", "main");
    plan.put("user", "admin");
    plan.put("spec", states.getFirst().get("spec"));
    plan.put("current_resource", null);
    plan.put("offers", List.of());
    plan.put("action", "create");
    server.answers(PROJECT + "/fleets/get_plan", plan);
    server.answers(PROJECT + "/fleets/apply", states.getFirst());
    AtomicInteger asked = new AtomicInteger();
    server.on(
        PROJECT + "/fleets/get",
        _ -> FakeServer.ok(states.get(Math.min(asked.getAndIncrement(), states.size() - 1))));
    String text =
        "type: fleet\nname: on-prem\nssh_config: {user: root, identity_file: id, hosts: [h1]}\n";
    Running apply = cli.start("apply", "-f", file(text), "-y");
    assertThat(apply.await()).as(cli.errors()).isEqualTo(ExitCode.FAILED);
    assertThat(cli.output()).contains("none of the given keys is authorized");
  }

  private static Map<String, Object> instance(int number, String status) {
    return Map.of(
        "id", "i" + number, "instance_num", number, "status", status, "backend", "remote");
  }

  private static Map<String, Object> fleet(String name, List<Map<String, Object>> instances) {
    Map<String, Object> fleet = Shapes.copy(Doc.of(Map.of()));
    fleet.put("name", name);
    fleet.put("status", "active");
    fleet.put(
        "spec",
        Map.of(
            "configuration",
            Map.of("name", name, "ssh_config", Map.of("hosts", List.of("h1"))),
            "profile",
            Map.of()));
    fleet.put("instances", instances);
    return fleet;
  }
}
