package dev.dstack.e2e.product;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.e2e.harness.Api;
import dev.dstack.e2e.harness.Await;
import dev.dstack.e2e.harness.Processes;
import dev.dstack.e2e.harness.Runs;
import dev.dstack.e2e.harness.ServerProcess;
import dev.dstack.e2e.harness.SharedServer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** What a run does, seen through HTTP. */
@Tag("system")
@ExtendWith(SharedServer.class)
final class HttpRunsTest {
  private static final Duration LIMIT = Duration.ofSeconds(60);

  private Api api;
  private Runs runs;

  @TempDir private Path scratch;

  @BeforeEach
  void server(ServerProcess server) {
    api = server.api();
    runs = server.runs();
  }

  @Test
  void aTaskEndsDoneWithItsOutputAndItsCost() {
    JsonNode accepted = runs.submit("plain", "echo one; echo two >&2", "echo three");
    assertThat(accepted.path("status").asString()).isIn("submitted", "provisioning", "running");
    JsonNode run = runs.awaitEnd("plain", LIMIT);
    assertThat(run.path("id").asString()).isEqualTo(accepted.path("id").asString());
    assertThat(run.path("status").asString()).isEqualTo("done");
    assertThat(run.path("termination_reason").asString()).isEqualTo("all_jobs_done");
    JsonNode job = run.path("latest_job_submission");
    assertThat(job.path("status").asString()).isEqualTo("done");
    assertThat(job.path("exit_status").asInt(-1)).isZero();
    assertThat(job.path("job_provisioning_data").path("backend").asString()).isEqualTo("remote");
    assertThat(runs.lines("plain")).containsExactlyInAnyOrder("one", "two", "three");
  }

  @Test
  void theExitStatusIsKept() {
    runs.submit("exit-seven", "echo before", "exit 7");
    JsonNode run = runs.awaitEnd("exit-seven", LIMIT);
    assertThat(run.path("status").asString()).isEqualTo("failed");
    assertThat(run.path("termination_reason").asString()).isEqualTo("job_failed");
    JsonNode job = run.path("latest_job_submission");
    assertThat(job.path("status").asString()).isEqualTo("failed");
    assertThat(job.path("termination_reason").asString()).isEqualTo("container_exited_with_error");
    assertThat(job.path("exit_status").asInt()).isEqualTo(7);
    assertThat(runs.lines("exit-seven")).containsExactly("before");
  }

  @Test
  void aStoppedTaskMayFinishItsWork() {
    runs.submit(
        "graceful",
        "trap 'echo cleaning up; exit 0' TERM; echo ready; while true; do sleep 0.1; done");
    awaitLine("graceful", "ready");
    runs.stop("graceful");
    JsonNode run = runs.awaitEnd("graceful", LIMIT);
    assertThat(run.path("status").asString()).isEqualTo("terminated");
    assertThat(run.path("termination_reason").asString()).isEqualTo("stopped_by_user");
    assertThat(run.path("latest_job_submission").path("termination_reason").asString())
        .isEqualTo("terminated_by_user");
    // The shell may say that the sleep it waited for was ended by the same signal.
    assertThat(runs.lines("graceful").stream().filter(line -> !line.equals("Terminated")))
        .containsExactly("ready", "cleaning up");
    nothingRuns("graceful");
  }

  @Test
  void aTaskThatIgnoresTheStopIsKilledAfterStopDuration() {
    runs.submit(
        Runs.with(
            Runs.task("stubborn", "trap '' TERM; echo ready; while true; do sleep 0.1; done"),
            "stop_duration",
            2));
    awaitLine("stubborn", "ready");
    runs.stop("stubborn");
    JsonNode run = runs.awaitEnd("stubborn", LIMIT);
    assertThat(run.path("status").asString()).isEqualTo("terminated");
    nothingRuns("stubborn");
  }

  @Test
  void anAbortedTaskEndsAtOnceWithAllItsProcesses() {
    runs.submit("aborted", "(sleep 600 &) ; (setsid sleep 600 &) ; echo ready; sleep 600");
    awaitLine("aborted", "ready");
    runs.abort("aborted");
    JsonNode run = runs.awaitEnd("aborted", LIMIT);
    assertThat(run.path("status").asString()).isEqualTo("terminated");
    assertThat(run.path("termination_reason").asString()).isEqualTo("aborted_by_user");
    assertThat(run.path("latest_job_submission").path("status").asString()).isEqualTo("aborted");
    nothingRuns("aborted");
  }

  @Test
  void maxDurationEndsTheJob() {
    runs.submit(Runs.with(Runs.task("too-long", "echo ready; sleep 600"), "max_duration", 2));
    JsonNode run = runs.awaitEnd("too-long", LIMIT);
    assertThat(run.path("latest_job_submission").path("termination_reason").asString())
        .isEqualTo("max_duration_exceeded");
    assertThat(run.path("latest_job_submission").path("status").asString()).isEqualTo("terminated");
    nothingRuns("too-long");
  }

  @Test
  void aFailedJobIsRetriedWhereTheSpecSaysSo() {
    Path marker = scratch.resolve("tried");
    runs.submit(
        Runs.with(
            Runs.task(
                "retried",
                "if [ -e "
                    + marker
                    + " ]; then echo second; else touch "
                    + marker
                    + "; exit 3; fi"),
            "retry",
            Map.of("on_events", List.of("error"), "duration", 300)));
    JsonNode run = runs.awaitEnd("retried", Duration.ofSeconds(90));
    assertThat(run.path("status").asString()).isEqualTo("done");
    assertThat(run.path("latest_job_submission").path("submission_num").asInt()).isEqualTo(1);
    assertThat(runs.lines("retried")).containsExactly("second");
  }

  @Test
  void withoutRetryNothingIsTriedTwice() {
    Path tries = scratch.resolve("tries");
    runs.submit("once", "echo x >> " + tries, "exit 1");
    assertThat(runs.awaitEnd("once", LIMIT).path("status").asString()).isEqualTo("failed");
    assertThat(tries).hasContent("x");
  }

  @Test
  void aScheduledRunWaitsForItsTime() {
    runs.submit(
        Runs.with(Runs.task("scheduled", "echo never"), "schedule", Map.of("cron", "0 0 1 1 *")));
    JsonNode run = runs.awaitStatus("scheduled", LIMIT, "pending");
    assertThat(run.path("next_triggered_at").asString()).startsWith("20").contains("-01-01T00:00");
    runs.stop("scheduled");
    run = runs.awaitEnd("scheduled", LIMIT);
    assertThat(run.path("status").asString()).isEqualTo("terminated");
    assertThat(run.path("termination_reason").asString()).isEqualTo("stopped_by_user");
  }

  @Test
  void theEnvironmentTellsTheJobWhereItRuns() {
    Map<String, Object> spec =
        Runs.with(
            Runs.task(
                "environment",
                "echo $DSTACK_RUN_NAME $DSTACK_NODE_RANK $DSTACK_NODES_NUM $DSTACK_GPUS_NUM",
                "echo $DSTACK_RUN_ID",
                "echo $GREETING",
                "test \"$PWD\" = \"$DSTACK_WORKING_DIR\" && echo at-home"),
            "env",
            Map.of("GREETING", "hello there"));
    String id = runs.submit(spec).path("id").asString();
    assertThat(runs.awaitEnd("environment", LIMIT).path("status").asString()).isEqualTo("done");
    assertThat(runs.lines("environment"))
        .containsExactly("environment 0 1 0", id, "hello there", "at-home");
  }

  @Test
  void secretsReachTheJob() {
    api.post(
            "/api/project/main/secrets/create_or_update",
            Map.of("name", "word", "value", "open sesame"))
        .ok();
    runs.submit(
        Runs.with(
            Runs.task("with-secret", "printf %s \"$WORD\" | sha256sum"),
            "env",
            Map.of("WORD", "${{ secrets.word }}")));
    assertThat(runs.awaitEnd("with-secret", LIMIT).path("status").asString()).isEqualTo("done");
    assertThat(runs.output("with-secret"))
        .startsWith("41ef4bb0b23661e66301aac36066912dac037827b4ae63a7b1165a5aa93ed4eb");
  }

  @Test
  void aMissingSecretIsNamed() {
    runs.apply(
        Runs.with(
            Runs.task("no-secret", "echo $WORD"), "env", Map.of("WORD", "${{ secrets.nowhere }}")));
    JsonNode run = runs.awaitEnd("no-secret", LIMIT);
    assertThat(run.path("status").asString()).isEqualTo("failed");
    assertThat(run.toString()).contains("nowhere");
  }

  @Test
  void muchOutputArrivesWholeAndInOrder() {
    runs.submit("much-output", "seq 1 20000");
    assertThat(runs.awaitEnd("much-output", LIMIT).path("status").asString()).isEqualTo("done");
    List<String> expected = IntStream.rangeClosed(1, 20_000).mapToObj(Integer::toString).toList();
    assertThat(runs.lines("much-output")).isEqualTo(expected);
    // Small pages give the same text as large ones.
    String submission = Runs.submissionId(runs.get("much-output"));
    assertThat(runs.output("much-output", submission, 100))
        .isEqualTo(runs.output("much-output", submission, 1000));
  }

  @Test
  void outputThatIsNoTextIsKeptByteByByte() {
    runs.submit("bytes", "printf '\\001\\033[31mred\\033[0m\\000end'");
    assertThat(runs.awaitEnd("bytes", LIMIT).path("status").asString()).isEqualTo("done");
    assertThat(runs.output("bytes")).contains("red").contains("end");
  }

  @Test
  void aFinishedNameCanBeTakenAgain() {
    String first = runs.submit("again", "echo first").path("id").asString();
    runs.awaitEnd("again", LIMIT);
    String second = runs.submit("again", "echo second").path("id").asString();
    assertThat(second).isNotEqualTo(first);
    JsonNode run = runs.awaitEnd("again", LIMIT);
    assertThat(run.path("id").asString()).isEqualTo(second);
    assertThat(runs.lines("again")).containsExactly("second");
  }

  @Test
  void aNameInUseIsRefusedOrUpdated() {
    runs.submit("taken", "echo ready; sleep 600");
    runs.awaitStatus("taken", LIMIT, "running");
    Api.Reply reply = runs.apply(Runs.task("taken", "echo other"));
    reply.refused(400, "active");
    runs.abort("taken");
    runs.awaitEnd("taken", LIMIT);
  }

  @Test
  void aPriorityIsChangedInPlace() {
    Map<String, Object> spec = Runs.task("updated", "echo ready; sleep 600");
    JsonNode run = runs.submit(spec);
    runs.awaitStatus("updated", LIMIT, "running");
    Map<String, Object> request = new LinkedHashMap<>();
    request.put("run_spec", Runs.with(spec, "priority", 50));
    JsonNode plan = api.post("/api/project/main/runs/get_plan", request).ok();
    assertThat(plan.path("action").asString()).isEqualTo("update");
    Map<String, Object> input = new LinkedHashMap<>();
    input.put("run_spec", plan.path("run_spec"));
    input.put("current_resource", plan.path("current_resource"));
    JsonNode updated =
        api.post("/api/project/main/runs/apply", Map.of("plan", input, "force", false)).ok();
    assertThat(updated.path("id").asString()).isEqualTo(run.path("id").asString());
    Await.until(
        "the priority is 50",
        LIMIT,
        () ->
            runs.get("updated").path("run_spec").path("configuration").path("priority").asInt()
                == 50);
    assertThat(runs.status("updated")).isEqualTo("running");
    runs.abort("updated");
    runs.awaitEnd("updated", LIMIT);
  }

  @Test
  void aFinishedRunCanBeDeletedAnActiveOneNot() {
    runs.submit("deleted", "sleep 600");
    runs.awaitStatus("deleted", LIMIT, "running");
    api.post("/api/project/main/runs/delete", Map.of("runs_names", List.of("deleted")))
        .refused(400, "deleted");
    runs.abort("deleted");
    runs.awaitEnd("deleted", LIMIT);
    api.post("/api/project/main/runs/delete", Map.of("runs_names", List.of("deleted"))).ok();
    api.post("/api/project/main/runs/get", Map.of("run_name", "deleted"))
        .refused(400, "resource_not_exists");
  }

  @Test
  void theTimelineTellsTheStory() {
    JsonNode run = runs.submit("told", "echo x");
    runs.awaitEnd("told", LIMIT);
    Await.until(
        "the timeline has the end",
        LIMIT,
        () -> {
          JsonNode events =
              api.post(
                      "/api/events/list",
                      Map.of("within_runs", List.of(run.path("id").asString()), "ascending", true))
                  .ok();
          List<String> messages = new ArrayList<>();
          events.forEach(event -> messages.add(event.path("message").asString()));
          return messages.size() >= 4
              && messages.getFirst().toLowerCase(java.util.Locale.ROOT).contains("submitted")
              && messages.stream().anyMatch(text -> text.contains("DONE") || text.contains("done"));
        });
  }

  @Test
  void pagesOfRunsAreCompleteAndInOrder() {
    List<String> names = IntStream.range(0, 5).mapToObj(i -> "page-" + i).toList();
    for (String name : names) {
      runs.submit(name, "true");
      runs.awaitEnd(name, LIMIT);
    }
    List<String> seen = new ArrayList<>();
    Map<String, Object> request = new LinkedHashMap<>();
    request.put("project_name", "main");
    request.put("limit", 2);
    request.put("ascending", false);
    for (int page = 0; page < 200; page++) {
      JsonNode answer = api.post("/api/runs/list", request).ok();
      if (answer.isEmpty()) {
        break;
      }
      answer.forEach(run -> seen.add(run.path("run_spec").path("run_name").asString()));
      JsonNode last = answer.path(answer.size() - 1);
      request.put("prev_submitted_at", last.path("submitted_at").asString());
      request.put("prev_run_id", last.path("id").asString());
    }
    assertThat(seen).doesNotHaveDuplicates();
    assertThat(seen.stream().filter(names::contains).toList())
        .containsExactly("page-4", "page-3", "page-2", "page-1", "page-0");
  }

  @Test
  void severalRunsAtOnceAllEnd() {
    List<String> names = IntStream.range(0, 6).mapToObj(i -> "crowd-" + i).toList();
    for (String name : names) {
      runs.submit(
          Runs.with(
              Runs.task(name, "echo " + name),
              "retry",
              Map.of("on_events", List.of("no-capacity"), "duration", 600)));
    }
    for (String name : names) {
      assertThat(runs.awaitEnd(name, Duration.ofSeconds(120)).path("status").asString())
          .as(runs.summary(name))
          .isEqualTo("done");
      assertThat(runs.lines(name)).containsExactly(name);
    }
  }

  @Test
  void whatAJobWritesStaysInItsOwnDirectory() throws Exception {
    runs.submit("writes", "echo data > mine.txt", "pwd");
    runs.awaitEnd("writes", LIMIT);
    Path directory = Path.of(runs.lines("writes").getFirst());
    assertThat(directory.toString()).isNotEqualTo("/");
    assertThat(Files.exists(Path.of("mine.txt"))).isFalse();
  }

  private void awaitLine(String name, String line) {
    Await.until(
        name + " prints " + line,
        LIMIT,
        () -> runs.lines(name).contains(line),
        () -> runs.summary(name));
  }

  private static void nothingRuns(String name) {
    Await.until(
        "no process of " + name + " is left",
        Duration.ofSeconds(20),
        () -> Processes.withEnvironment("DSTACK_RUN_NAME", name).isEmpty(),
        () ->
            Processes.withEnvironment("DSTACK_RUN_NAME", name).stream()
                .map(Processes::describe)
                .toList()
                .toString());
  }
}
