package dev.dstack.api;

import static dev.dstack.api.ApiServer.ADMIN_TOKEN;
import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.api.ApiServer.Answer;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** What a list costs is counted, not timed: queries don't grow with the number of runs. */
class ListSpeedTest {
  private final ApiServer server = ApiServer.shared();

  @Test
  void aListOfAHundredOutOfManyTakesThreeQueriesAtMost() throws SQLException {
    String project = server.project();
    Answer first =
        server.post(
            ADMIN_TOKEN,
            "/api/project/" + project + "/runs/apply",
            Map.of(
                "plan",
                Map.of(
                    "run_spec",
                    Map.of(
                        "run_name",
                        "many",
                        "configuration",
                        Map.of(
                            "type", "task",
                            "commands", List.of("true"),
                            "env", Map.of("A", "b")))),
                "force",
                false));
    assertThat(first.status()).as(first.body()).isEqualTo(200);
    String id = first.json().get("id").stringValue();
    try (Connection connection = server.postgres.connect("api");
        Statement statement = connection.createStatement()) {
      statement.execute(
          "INSERT INTO records.run_submission (id, project_id, user_id, run_name, repo_id, spec,"
              + " private_encrypted, plan, priority, submitted_at, dispatched_at, finished_at)"
              + " SELECT gen_random_uuid(), project_id, user_id, 'many-' || i, repo_id, spec,"
              + " private_encrypted, plan, 0, submitted_at - i * interval '1 second', now(), now()"
              + " FROM records.run_submission, generate_series(1, 1000) i WHERE id = '"
              + id
              + "'");
      statement.execute(
          "INSERT INTO views.job_view (id, run_id, project_id, replica_num, job_num, submission_num,"
              + " job_name, revision, status, status_message, submitted_at, at)"
              + " SELECT gen_random_uuid(), id, project_id, 0, 0, 0, 'x', 1, 'done', 'exited (0)',"
              + " submitted_at, now() FROM records.run_submission WHERE run_name LIKE 'many-%'");
    }
    Answer listed = list(project);
    assertThat(listed.json().size()).isEqualTo(100);
    // A login is looked up again after some seconds: on a slow machine that falls into a list, too.
    int fewest = Integer.MAX_VALUE;
    for (int i = 0; i < 5; i++) {
      int before = server.statements.get();
      list(project);
      fewest = Math.min(fewest, server.statements.get() - before);
    }
    assertThat(fewest).isLessThanOrEqualTo(3);
    long started = System.nanoTime();
    for (int i = 0; i < 20; i++) {
      list(project);
    }
    System.out.printf(
        "list of 100 out of 1,000: %.1f ms, %d bytes%n",
        (System.nanoTime() - started) / 20e6, listed.body().length());
  }

  /** What was made for one list serves the next, unless anything of the row is another. */
  @Test
  void aSubmissionIsShownAsItIsNow() throws SQLException {
    String project = server.project();
    Answer accepted =
        server.post(
            ADMIN_TOKEN,
            "/api/project/" + project + "/runs/apply",
            Map.of(
                "plan",
                Map.of(
                    "run_spec",
                    Map.of(
                        "run_name",
                        "changing",
                        "configuration",
                        Map.of("type", "task", "commands", List.of("true")))),
                "force",
                false));
    assertThat(accepted.status()).as(accepted.body()).isEqualTo(200);
    String id = accepted.json().get("id").stringValue();
    try (Connection connection = server.postgres.connect("api");
        Statement statement = connection.createStatement()) {
      statement.execute(
          "INSERT INTO views.job_view (id, run_id, project_id, replica_num, job_num, submission_num,"
              + " job_name, revision, status, status_message, submitted_at, at)"
              + " SELECT gen_random_uuid(), id, project_id, 0, 0, 0, 'x', 1, 'running', 'one',"
              + " submitted_at, submitted_at FROM records.run_submission WHERE id = '"
              + id
              + "'");
      Answer first = list(project);
      assertThat(submission(first).get("status_message").stringValue()).isEqualTo("one");
      assertThat(list(project).body()).isEqualTo(first.body());
      statement.execute(
          "UPDATE views.job_view SET status_message = 'two' WHERE run_id = '" + id + "'");
      Answer second = list(project);
      assertThat(second.body())
          .isEqualTo(
              first.body().replace("\"status_message\":\"one\"", "\"status_message\":\"two\""));
      statement.execute(
          "UPDATE views.job_view SET unused_since = now() - interval '1 hour' WHERE run_id = '"
              + id
              + "'");
      assertThat(submission(list(project)).get("inactivity_secs").asInt()).isGreaterThan(3000);
      statement.execute(
          "UPDATE views.job_view SET unused_since = now() - interval '2 hours' WHERE run_id = '"
              + id
              + "'");
      assertThat(submission(list(project)).get("inactivity_secs").asInt()).isGreaterThan(7000);
    }
  }

  private static JsonNode submission(Answer list) {
    JsonNode run = list.json().get(0);
    JsonNode shown = run.at("/jobs/0/job_submissions/0");
    assertThat(run.get("latest_job_submission")).isEqualTo(shown);
    return shown;
  }

  private Answer list(String project) {
    return server.post(
        ADMIN_TOKEN,
        "/api/runs/list",
        Map.of("project_name", project, "limit", 100, "job_submissions_limit", 1));
  }
}
