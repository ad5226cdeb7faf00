package dev.dstack.db.metrics;

import static dev.dstack.db.jooq.generated.views.Tables.JOB_VIEW;
import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.db.Fixture;
import dev.dstack.model.ids.JobId;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class JobSamplesTest {
  private static final Instant NOW = Fixture.START.plus(Duration.ofDays(10));

  private static Fixture fixture;
  private static JobSamples samples;

  @BeforeAll
  static void open() {
    fixture = new Fixture();
    samples = new JobSamples(fixture.worker);
  }

  @AfterAll
  static void close() {
    fixture.close();
  }

  @Test
  void readsTheLatestFirstAndKeepsWhatIsThere() {
    JobId job = job(null);
    samples.write(List.of(sample(job, NOW, 1), sample(job, NOW.plusSeconds(10), 2)));
    samples.write(List.of(sample(job, NOW, 99)));
    assertThat(new JobSamples(fixture.api).latest(job, null, null, 10))
        .containsExactly(sample(job, NOW.plusSeconds(10), 2), sample(job, NOW, 1));
    assertThat(samples.latest(job, NOW.plusSeconds(1), null, 10)).hasSize(1);
    assertThat(samples.latest(job, null, NOW.plusSeconds(10), 10)).hasSize(1);
    samples.write(List.of());
  }

  @Test
  void forgetsSamplesOfRunningJobsSooner() {
    JobId running = job(null);
    JobId finished = job(NOW.minus(Duration.ofDays(2)));
    List<JobSample> all = new ArrayList<>();
    for (int hours : List.of(0, 2, 24 * 8)) {
      all.add(sample(running, NOW.minus(Duration.ofHours(hours)), 1));
      all.add(sample(finished, NOW.minus(Duration.ofHours(hours)), 1));
    }
    samples.write(all);
    assertThat(samples.expire(Duration.ofHours(1), Duration.ofDays(7), NOW)).isEqualTo(3);
    assertThat(samples.latest(running, null, null, 10)).hasSize(1);
    assertThat(samples.latest(finished, null, null, 10)).hasSize(2);
  }

  @Test
  void oneIdleAcceleratorOfTheWholeWindowIsEnough() {
    Duration window = Duration.ofMinutes(5);
    assertThat(samples.gpuBelow(job(null), 10, window, NOW)).as("no samples").isFalse();
    assertThat(samples.gpuBelow(used(Duration.ofMinutes(3), 0, 0), 10, window, NOW))
        .as("not a whole window yet")
        .isFalse();
    assertThat(samples.gpuBelow(used(Duration.ofMinutes(6), 90, 9), 10, window, NOW)).isTrue();
    assertThat(samples.gpuBelow(used(Duration.ofMinutes(6), 90, 10), 10, window, NOW)).isFalse();
    assertThat(samples.gpuBelow(used(Duration.ofMinutes(6)), 10, window, NOW))
        .as("no accelerators")
        .isFalse();
  }

  private static JobId used(Duration since, Integer... percent) {
    JobId job = job(null);
    List<JobSample> all = new ArrayList<>();
    for (Instant at = NOW.minus(since); !at.isAfter(NOW); at = at.plusSeconds(10)) {
      all.add(
          new JobSample(
              job,
              at,
              1,
              1,
              1,
              List.of(percent).stream().map(Integer::longValue).toList(),
              List.of(percent)));
    }
    samples.write(all);
    return job;
  }

  private static JobSample sample(JobId job, Instant at, long micros) {
    return new JobSample(job, at, micros, 3, 2, List.of(5L, 6L), List.of(50, 60));
  }

  private static JobId job(@Nullable Instant finishedAt) {
    JobId id = new JobId(UUID.randomUUID());
    fixture
        .worker
        .dsl()
        .insertInto(JOB_VIEW)
        .set(JOB_VIEW.ID, id.value())
        .set(JOB_VIEW.RUN_ID, UUID.randomUUID())
        .set(JOB_VIEW.PROJECT_ID, fixture.project.value())
        .set(JOB_VIEW.REPLICA_NUM, 0)
        .set(JOB_VIEW.JOB_NUM, 0)
        .set(JOB_VIEW.SUBMISSION_NUM, 0)
        .set(JOB_VIEW.JOB_NAME, "job")
        .set(JOB_VIEW.REVISION, 1L)
        .set(JOB_VIEW.STATUS, finishedAt == null ? "running" : "done")
        .set(JOB_VIEW.STATUS_MESSAGE, "")
        .set(JOB_VIEW.SUBMITTED_AT, Fixture.START)
        .set(JOB_VIEW.AT, Fixture.START)
        .set(JOB_VIEW.FINISHED_AT, finishedAt)
        .execute();
    return id;
  }
}
