package dev.dstack.cli;

import dev.dstack.cli.data.Doc;
import dev.dstack.cli.data.JsonText;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Answers of the API, made from the ones the training uses. */
final class Shapes {
  static final String SUBMISSION = "00000000-0000-4000-8000-000000000002";

  private Shapes() {}

  static Doc canned(String name) {
    try (InputStream in = Main.class.getResourceAsStream("train/" + name + ".json")) {
      return JsonText.read(in.readAllBytes());
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** A run of one job in a state. */
  static Map<String, Object> run(String status, String jobStatus, String message) {
    Map<String, Object> run = copy(canned("run"));
    Map<String, Object> submission = copy(Doc.of(run).get("latest_job_submission"));
    run.put("status", status);
    run.put("status_message", status);
    submission.put("status", jobStatus);
    submission.put("status_message", message);
    submission.put(
        "termination_reason", jobStatus.equals("failed") ? "container_exited_with_error" : null);
    return with(run, submission);
  }

  static Map<String, Object> with(Map<String, Object> run, Map<String, Object> submission) {
    Map<String, Object> changed = new LinkedHashMap<>(run);
    Map<String, Object> job = copy(Doc.of(run).get("jobs").first());
    job.put("job_submissions", List.of(submission));
    changed.put("jobs", List.of(job));
    changed.put("latest_job_submission", submission);
    return changed;
  }

  static Map<String, Object> running() {
    return run("running", "running", "running");
  }

  static Map<String, Object> done() {
    return run("done", "done", "exited (0)");
  }

  static Map<String, Object> plan() {
    return copy(canned("plan"));
  }

  static Map<String, Object> copy(Doc doc) {
    Map<String, Object> copy = new LinkedHashMap<>();
    doc.fields().forEach((name, value) -> copy.put(name, value.value()));
    return copy;
  }

  static Map<String, Object> logs(String next, String... lines) {
    List<Object> events = new ArrayList<>();
    for (String line : lines) {
      events.add(
          Map.of(
              "timestamp",
              "2026-11-20T11:59:00Z",
              "log_source",
              "stdout",
              "message",
              Base64.getEncoder().encodeToString((line + "\n").getBytes(StandardCharsets.UTF_8))));
    }
    Map<String, Object> page = new HashMap<>();
    page.put("logs", events);
    page.put("external_url", null);
    page.put("next_token", next);
    return page;
  }
}
