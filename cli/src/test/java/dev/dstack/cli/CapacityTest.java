package dev.dstack.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.cli.data.Doc;
import dev.dstack.cli.data.JsonText;
import dev.dstack.model.config.PrivateKeys;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;

/** Volumes, and what capacity costs. */
class CapacityTest {
  private static final String PROJECT = "/api/project/main";

  @TempDir Path home;
  private FakeServer server;
  private CliHarness cli;

  @BeforeEach
  void start() throws IOException {
    server = new FakeServer();
    cli = new CliHarness(home).connectedTo(server);
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private static Map<String, Object> volume(String name, String status, String message) {
    Map<String, Object> volume = new HashMap<>();
    volume.put("name", name);
    volume.put("status", status);
    volume.put("status_message", message);
    volume.put("created_at", "2026-11-20T11:00:00Z");
    volume.put("configuration", Map.of("type", "volume", "backend", "aws", "region", "eu-west-1"));
    volume.put("provisioning_data", Map.of("availability_zone", "eu-west-1b"));
    volume.put(
        "attachments", List.of(Map.of("instance", Map.of("name", "workers-3", "fleet_name", "w"))));
    return volume;
  }

  @Test
  void volumesAreListedAndShown() {
    server.answers(
        PROJECT + "/volumes/list",
        List.of(
            volume("data", "active", null), volume("bad", "failed", "no capacity in the zone")));
    server.answers(PROJECT + "/volumes/get", volume("data", "active", null));

    assertThat(cli.run("volume")).isZero();
    assertThat(cli.output())
        .contains("NAME", "data", "aws (eu-west-1)", "active", "failed", "1 hour ago")
        .doesNotContain("workers-3", "no capacity");
    cli.out.reset();
    assertThat(cli.run("volume", "list", "-v")).isZero();
    assertThat(cli.output())
        .contains("eu-west-1 (eu-west-1b)", "workers-3", "no capacity in the zone");

    cli.out.reset();
    assertThat(cli.run("volume", "get", "data")).isZero();
    assertThat(cli.output()).contains("data", "workers-3").doesNotContain("bad");
    assertThat(server.calls(PROJECT + "/volumes/get").getFirst().body())
        .isEqualTo(Doc.of(Map.of("name", "data")));
    cli.out.reset();
    assertThat(cli.run("volume", "get", "data", "--json")).isZero();
    assertThat(JsonText.read(cli.output().getBytes(StandardCharsets.UTF_8)))
        .isEqualTo(Doc.of(volume("data", "active", null)));
    assertThat(cli.run("volume", "get")).isEqualTo(ExitCode.USAGE);
    assertThat(cli.run("volume", "get", "--id", "x")).isEqualTo(ExitCode.USAGE);
  }

  @Test
  void anUnknownVolumeIsNamed() {
    server.on(
        PROJECT + "/volumes/get",
        _ -> FakeServer.error(400, "Volume not found", "resource_not_exists"));
    assertThat(cli.run("volume", "get", "nope")).isEqualTo(ExitCode.FAILED);
    assertThat(cli.errors())
        .contains("no volume `nope` in the project `main`", "`dstack volume` lists the volumes");
    assertThat(cli.run("volume", "delete", "nope", "-y")).isEqualTo(ExitCode.FAILED);
    assertThat(server.calls(PROJECT + "/volumes/delete")).isEmpty();
  }

  @Test
  void volumesAreDeletedByNameOrFileAfterAYes() throws IOException {
    server.answers(PROJECT + "/volumes/get", volume("data", "active", null));
    server.answers(PROJECT + "/volumes/delete", Map.of());
    cli.type("n");
    assertThat(cli.run("volume", "delete", "data")).isEqualTo(ExitCode.FAILED);
    assertThat(server.calls(PROJECT + "/volumes/delete")).isEmpty();

    assertThat(cli.run("volume", "delete", "data", "-y")).isZero();
    Path file = home.resolve("volume.dstack.yml");
    Files.writeString(file, "type: volume\nname: data\nbackend: aws\nregion: eu\nsize: 1GB\n");
    assertThat(cli.run("delete", "-f", file.toString(), "-y")).isZero();
    assertThat(server.calls(PROJECT + "/volumes/delete"))
        .hasSize(2)
        .allSatisfy(
            call -> assertThat(call.body()).isEqualTo(Doc.of(Map.of("names", List.of("data")))));
    assertThat(cli.output()).contains("The volume data is being deleted");

    Files.writeString(file, "type: volume\nbackend: aws\nregion: eu\nsize: 1GB\n");
    assertThat(cli.run("delete", "-f", file.toString(), "-y")).isEqualTo(ExitCode.FAILED);
    assertThat(cli.errors()).contains("has no `name`", "volume");
  }

  @Test
  @EnabledIf("canMakeKeys")
  void aKeyWithAPassphraseIsOpenedForTheServer() throws IOException, InterruptedException {
    Path key = home.resolve("id");
    Process keygen =
        new ProcessBuilder(
                "ssh-keygen", "-q", "-t", "ed25519", "-N", "open sesame", "-f", key.toString())
            .start();
    assertThat(keygen.waitFor()).isZero();
    String closed = Files.readString(key);
    Path file = home.resolve("fleet.dstack.yml");
    Files.writeString(
        file,
        """
        type: fleet
        name: metal
        ssh_config:
          user: root
          identity_file: %s
          hosts: [one.example]
        """
            .formatted(key));
    assertThat(cli.run("apply", "-f", file.toString(), "-y")).isEqualTo(ExitCode.FAILED);
    assertThat(cli.errors()).contains("passphrase", "DSTACK_IDENTITY_PASSPHRASE");
    cli.env.put("DSTACK_IDENTITY_PASSPHRASE", "open barley");
    assertThat(cli.run("apply", "-f", file.toString(), "-y")).isEqualTo(ExitCode.FAILED);
    assertThat(cli.errors()).contains("is the passphrase right?");

    cli.env.put("DSTACK_IDENTITY_PASSPHRASE", "open sesame");
    server.on(PROJECT + "/fleets/get_plan", _ -> FakeServer.error(400, "that is enough", "error"));
    assertThat(cli.run("apply", "-f", file.toString(), "-y")).isEqualTo(ExitCode.FAILED);
    Doc sent =
        server
            .calls(PROJECT + "/fleets/get_plan")
            .getFirst()
            .body()
            .at("spec", "configuration", "ssh_config", "ssh_key");
    assertThat(PrivateKeys.isProtected(closed)).isTrue();
    assertThat(PrivateKeys.isProtected(sent.get("private").text(""))).isFalse();
    assertThat(sent.get("private").text("")).contains("PRIVATE KEY");
    assertThat(Files.readString(Path.of(key + ".pub")))
        .startsWith(sent.get("public").text("-").split(" ")[0])
        .contains(sent.get("public").text("-").split(" ")[1]);
    assertThat(Files.readString(key)).isEqualTo(closed);
  }

  static boolean canMakeKeys() {
    return Programs.find("ssh-keygen", Map.of()) != null;
  }

  @Test
  void costsAreSummedUp() {
    Map<String, Object> still = new HashMap<>(item("workers-0", 24.04, 49.2));
    still.put("until", null);
    still.put("backend", "aws");
    Map<String, Object> run = new HashMap<>(item("train", 12, 24.6));
    run.put("until", "2026-11-20T11:00:00Z");
    Map<String, Object> costs = new HashMap<>();
    costs.put("project_name", "main");
    costs.put("since", "2026-11-19T00:00:00Z");
    costs.put("until", "2026-11-20T12:00:00Z");
    costs.put("total", 49.2);
    costs.put("instances", Map.of("cost", 49.2, "count", 3, "items", List.of(still)));
    costs.put("volumes", Map.of("cost", 0, "count", 0, "items", List.of()));
    costs.put("runs", Map.of("cost", 24.6, "count", 1, "items", List.of(run)));
    server.answers(PROJECT + "/costs/get", costs);

    assertThat(cli.run("cost", "--since", "1d", "--until", "2026-11-20T12:00:00Z")).isZero();
    assertThat(cli.output())
        .containsSubsequence("Cost", "$49.2", "Used by runs", "$24.6")
        .containsSubsequence("instance", "workers-0", "aws", "24.0", "$49.2", "now")
        .containsSubsequence("and 2 more", "run", "train", "12.0", "$24.6", "1 hour ago");
    assertThat(server.calls(PROJECT + "/costs/get").getFirst().body())
        .isEqualTo(
            Doc.of(Map.of("since", "2026-11-19T12:00:00Z", "until", "2026-11-20T12:00:00Z")));

    cli.out.reset();
    assertThat(cli.run("cost", "--json")).isZero();
    assertThat(JsonText.read(cli.output().getBytes(StandardCharsets.UTF_8)))
        .isEqualTo(Doc.of(costs));
    assertThat(cli.run("cost", "--until", "tomorrow")).isEqualTo(ExitCode.USAGE);
    assertThat(cli.errors()).contains("--until is `tomorrow`");
  }

  private static Map<String, Object> item(String name, double hours, double cost) {
    return Map.of("name", name, "hours", hours, "cost", cost, "since", "2026-11-01T00:00:00Z");
  }

  @Test
  void aCloudsPricesHaveAnAge() {
    Map<String, Object> plan = Shapes.plan();
    Map<String, Object> jobPlan = Shapes.copy(Doc.of(plan).get("job_plans").first());
    Map<String, Object> offer = Shapes.copy(Doc.of(jobPlan).get("offers").first());
    offer.put("backend", "aws");
    jobPlan.put("offers", List.of(offer));
    plan.put("job_plans", List.of(jobPlan));
    server.answers(PROJECT + "/runs/get_plan", plan);
    server.answers(
        PROJECT + "/catalogs/list",
        List.of(
            Map.of("provider", "aws", "as_of", "2026-11-18T12:00:00Z"),
            Map.of("provider", "gcp", "as_of", "2026-11-18T12:00:00Z")));
    assertThat(cli.run("offer")).isZero();
    assertThat(cli.output())
        .contains("Prices of aws are of 2026-11-18 (2 days ago)")
        .doesNotContain("gcp");

    server.on(PROJECT + "/catalogs/list", _ -> FakeServer.error(404, "Not Found", "not_found"));
    cli.out.reset();
    assertThat(cli.run("offer")).as("of a server that does not tell").isZero();
    assertThat(cli.output()).doesNotContain("Prices of");
  }

  @Test
  void machinesOfOnesOwnHaveNoPricesToAskFor() {
    server.answers(PROJECT + "/runs/get_plan", Shapes.plan());
    assertThat(cli.run("offer")).isZero();
    assertThat(server.calls(PROJECT + "/catalogs/list")).isEmpty();
  }
}
