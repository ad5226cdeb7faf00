package dev.dstack.db.log;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.db.Fixture;
import dev.dstack.model.agent.LogFrame;
import dev.dstack.model.ids.JobId;
import java.nio.file.Path;
import java.time.Duration;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LogRetentionTest {
  @TempDir private Path directory;
  private Fixture fixture;
  private FileLogStore store;

  @BeforeEach
  void open() {
    fixture = new Fixture();
    store = new FileLogStore(directory, 0);
  }

  @AfterEach
  void close() {
    fixture.close();
  }

  @Test
  void logsOfDeletedRunsGoAndThoseOfOthersStay() {
    LogKey active = job("active", "null", "null");
    LogKey ended = job("ended", "'2026-11-01'", "null");
    LogKey deleted = job("deleted", "'2026-11-01'", "'2026-11-02'");
    LogKey unknown = log("unknown", new JobId(UUID.randomUUID()));
    LogRetention retention = new LogRetention(fixture.worker, store, Duration.ZERO);
    assertThat(retention.run(Fixture.START)).isEqualTo(1);
    assertThat(retention.run(Fixture.START)).isZero();
    assertThat(store.file(deleted)).doesNotExist();
    for (LogKey kept : new LogKey[] {active, ended, unknown}) {
      assertThat(store.file(kept)).exists();
    }
    assertThat(new LogRetention(fixture.worker, store, Duration.ofDays(1)).run(Fixture.START))
        .isEqualTo(1);
    assertThat(store.file(ended)).doesNotExist();
    assertThat(store.file(active)).exists();
    assertThat(store.file(unknown)).exists();
  }

  private LogKey job(String name, String finished, String deleted) {
    UUID run = UUID.randomUUID();
    JobId job = new JobId(UUID.randomUUID());
    fixture
        .owner
        .dsl()
        .execute(
            "insert into records.run_submission (id, project_id, user_id, run_name, spec, plan,"
                + " submitted_at, finished_at, deleted_at) values (?, ?, ?, ?, '{}', '{}', now(), "
                + finished
                + ", "
                + deleted
                + ")",
            run,
            fixture.project.value(),
            fixture.user.value(),
            name);
    fixture
        .owner
        .dsl()
        .execute(
            "insert into views.job_view (id, run_id, project_id, replica_num, job_num,"
                + " submission_num, job_name, revision, status, status_message, submitted_at, at,"
                + " finished_at) values (?, ?, ?, 0, 0, 0, 'job', 1, 'done', '', now(), now(), "
                + finished
                + ")",
            job.value(),
            run,
            fixture.project.value());
    return log(name, job);
  }

  private LogKey log(String name, JobId job) {
    LogKey key = new LogKey("main", name, job);
    store.write(
        key,
        0,
        new LogFrame(Fixture.START, LogFrame.Source.STDOUT, "said\n".getBytes(UTF_8)).encode());
    return key;
  }
}
