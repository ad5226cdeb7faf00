package dev.dstack.e2e.harness;

import java.io.ByteArrayOutputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Runs through the HTTP API. */
public final class Runs {
  private static final Set<String> FINAL = Set.of("done", "failed", "terminated");

  private final Api api;
  private final String project;

  public Runs(Api api, String project) {
    this.api = api;
    this.project = project;
  }

  /** Requirements that every machine meets, so that several fit at once. */
  public static Map<String, Object> smallResources() {
    Map<String, Object> resources = new LinkedHashMap<>();
    resources.put("cpu", Map.of("min", 1));
    resources.put("memory", Map.of("min", 0.1));
    resources.put("disk", Map.of("size", Map.of("min", 0.1)));
    return resources;
  }

  /** A run spec as the CLI sends it. */
  public static Map<String, Object> task(String name, String... commands) {
    Map<String, Object> configuration = new LinkedHashMap<>();
    configuration.put("type", "task");
    configuration.put("name", name);
    configuration.put("commands", List.of(commands));
    configuration.put("resources", smallResources());
    return spec(name, configuration);
  }

  public static Map<String, Object> spec(String name, Map<String, Object> configuration) {
    Map<String, Object> spec = new LinkedHashMap<>();
    spec.put("run_name", name);
    spec.put("repo_id", "none");
    spec.put("repo_data", Map.of("repo_type", "virtual"));
    spec.put("configuration_path", name + ".dstack.yml");
    spec.put("configuration", configuration);
    return spec;
  }

  @SuppressWarnings("unchecked")
  public static Map<String, Object> configuration(Map<String, Object> spec) {
    return (Map<String, Object>) spec.get("configuration");
  }

  /** A copy with one field of the configuration set. */
  public static Map<String, Object> with(Map<String, Object> spec, String field, Object value) {
    Map<String, Object> configuration = new LinkedHashMap<>(configuration(spec));
    configuration.put(field, value);
    Map<String, Object> copy = new LinkedHashMap<>(spec);
    copy.put("configuration", configuration);
    return copy;
  }

  public Api.Reply apply(Map<String, Object> spec) {
    Map<String, Object> plan = new HashMap<>();
    plan.put("run_spec", spec);
    plan.put("current_resource", null);
    return api.post(path("runs/apply"), Map.of("plan", plan, "force", false));
  }

  public JsonNode submit(Map<String, Object> spec) {
    return apply(spec).ok();
  }

  public JsonNode submit(String name, String... commands) {
    return submit(task(name, commands));
  }

  public JsonNode get(String name) {
    return api.post(path("runs/get"), Map.of("run_name", name)).ok();
  }

  public String status(String name) {
    return get(name).path("status").asString();
  }

  public JsonNode awaitStatus(String name, Duration limit, String... wanted) {
    return Await.value(
        name + " becomes " + String.join(" or ", wanted),
        limit,
        () -> {
          JsonNode run = get(name);
          return List.of(wanted).contains(run.path("status").asString())
              ? Optional.of(run)
              : Optional.empty();
        },
        () -> "Last seen: " + summary(name));
  }

  public JsonNode awaitEnd(String name, Duration limit) {
    return awaitStatus(name, limit, FINAL.toArray(String[]::new));
  }

  /** In words for a failed test. */
  public String summary(String name) {
    try {
      JsonNode run = get(name);
      JsonNode job = run.path("latest_job_submission");
      return "status="
          + run.path("status").asString()
          + " reason="
          + run.path("termination_reason").asString("")
          + " error="
          + run.path("error").asString("")
          + " job="
          + job.path("status").asString("")
          + " jobReason="
          + job.path("termination_reason").asString("")
          + " jobMessage="
          + job.path("termination_reason_message").asString("")
          + " exit="
          + job.path("exit_status").asString("");
    } catch (RuntimeException | AssertionError e) {
      return "unknown (" + e.getMessage() + ")";
    }
  }

  public void stop(String name) {
    api.post(path("runs/stop"), Map.of("runs_names", List.of(name), "abort", false)).ok();
  }

  public void abort(String name) {
    api.post(path("runs/stop"), Map.of("runs_names", List.of(name), "abort", true)).ok();
  }

  /** The id of the latest submission of the first job. */
  public static String submissionId(JsonNode run) {
    JsonNode submissions = run.path("jobs").path(0).path("job_submissions");
    return submissions.path(submissions.size() - 1).path("id").asString();
  }

  /** All output of the latest submission, page by page. */
  public String output(String name) {
    return output(name, submissionId(get(name)), 1000);
  }

  public String output(String name, String submission, int limit) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    String token = null;
    for (int page = 0; page < 10_000; page++) {
      JsonNode answer = logs(name, submission, token, limit);
      for (JsonNode event : answer.path("logs")) {
        bytes.writeBytes(Base64.getDecoder().decode(event.path("message").asString()));
      }
      JsonNode next = answer.path("next_token");
      if (next.isNull() || next.isMissingNode() || answer.path("logs").isEmpty()) {
        return bytes.toString(java.nio.charset.StandardCharsets.UTF_8);
      }
      token = next.asString();
    }
    throw new AssertionError("The pages of the log of " + name + " do not end.");
  }

  public JsonNode logs(String name, String submission, @Nullable String token, int limit) {
    Map<String, Object> request = new HashMap<>();
    request.put("run_name", name);
    request.put("job_submission_id", submission);
    request.put("descending", false);
    request.put("limit", limit);
    request.put("diagnose", false);
    if (token != null) {
      request.put("next_token", token);
    }
    return api.post(path("logs/poll"), request).ok();
  }

  public List<String> lines(String name) {
    List<String> lines = new ArrayList<>();
    output(name).replace("\r", "").lines().forEach(lines::add);
    return lines;
  }

  private String path(String tail) {
    return "/api/project/" + project + "/" + tail;
  }
}
