package dev.dstack.db.metrics;

import static dev.dstack.db.jooq.generated.views.Tables.JOB_DCGM;
import static dev.dstack.db.jooq.generated.views.Tables.JOB_SAMPLE;
import static dev.dstack.db.jooq.generated.views.Tables.JOB_VIEW;

import dev.dstack.db.Clean;
import dev.dstack.db.Database;
import dev.dstack.db.jooq.generated.views.tables.records.JobSampleRecord;
import dev.dstack.model.ids.JobId;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import org.jooq.Condition;
import org.jooq.impl.DSL;
import org.jspecify.annotations.Nullable;

/** The samples of all jobs. Workers write them, in batches; everybody reads. */
public final class JobSamples {
  private static final int PIECE = 5_000;

  /** How much of a window may be without samples at its beginning. */
  private static final Duration LATE_START = Duration.ofMinutes(1);

  private final Database database;

  public JobSamples(Database database) {
    this.database = database;
  }

  /** One statement for all of them; a sample that is there already stays as it is. */
  public void write(List<JobSample> samples) {
    if (samples.isEmpty()) {
      return;
    }
    List<JobSampleRecord> rows =
        samples.stream()
            .map(
                sample ->
                    new JobSampleRecord(
                        sample.job().value(),
                        Clean.instant(sample.at()),
                        sample.cpuMicros(),
                        sample.memoryBytes(),
                        sample.workingSetBytes(),
                        sample.gpuMemoryBytes().toArray(Long[]::new),
                        sample.gpuUtil().toArray(Integer[]::new)))
            .toList();
    database.read(
        dsl ->
            dsl.insertInto(JOB_SAMPLE)
                .columns(JOB_SAMPLE.fields())
                .valuesOfRecords(rows)
                .onConflictDoNothing()
                .execute());
  }

  /**
   * The latest first.
   *
   * @param from only samples not earlier
   * @param before only samples earlier
   */
  public List<JobSample> latest(
      JobId job, @Nullable Instant from, @Nullable Instant before, int limit) {
    Condition wanted = JOB_SAMPLE.JOB_ID.eq(job.value());
    if (from != null) {
      wanted = wanted.and(JOB_SAMPLE.AT.ge(from));
    }
    if (before != null) {
      wanted = wanted.and(JOB_SAMPLE.AT.lt(before));
    }
    Condition all = wanted;
    return database.read(
        dsl ->
            dsl.selectFrom(JOB_SAMPLE)
                .where(all)
                .orderBy(JOB_SAMPLE.AT.desc())
                .limit(limit)
                .fetch(JobSamples::sample));
  }

  static JobSample sample(JobSampleRecord row) {
    return new JobSample(
        new JobId(row.getJobId()),
        row.getAt(),
        row.getCpuMicros(),
        row.getMemoryBytes(),
        row.getWorkingSetBytes(),
        Arrays.asList(row.getGpuMemoryBytes()),
        Arrays.asList(row.getGpuUtil()));
  }

  /**
   * Whether an accelerator of the job was used less than that in every sample of the window. Not
   * before there are samples of the whole window, and not for a job without accelerators.
   */
  public boolean gpuBelow(JobId job, int minPercent, Duration window, Instant now) {
    Instant from = now.minus(window);
    List<JobSample> samples = latest(job, from, null, Integer.MAX_VALUE);
    if (samples.isEmpty() || samples.getLast().at().isAfter(from.plus(LATE_START))) {
      return false;
    }
    OptionalInt gpus = samples.stream().mapToInt(sample -> sample.gpuUtil().size()).min();
    for (int gpu = 0; gpu < gpus.orElse(0); gpu++) {
      int index = gpu;
      if (samples.stream().allMatch(sample -> sample.gpuUtil().get(index) < minPercent)) {
        return true;
      }
    }
    return false;
  }

  /** What the host's DCGM exporter says about the job's accelerators, in place of what it said. */
  public void writeDcgm(JobId job, Instant at, String text) {
    database.read(
        dsl ->
            dsl.insertInto(JOB_DCGM)
                .values(job.value(), Clean.instant(at), Clean.text(text))
                .onConflict(JOB_DCGM.JOB_ID)
                .doUpdate()
                .set(JOB_DCGM.AT, DSL.excluded(JOB_DCGM.AT))
                .set(JOB_DCGM.TEXT, DSL.excluded(JOB_DCGM.TEXT))
                .execute());
  }

  /**
   * Forgets samples whose time is over; in pieces, so that no lock is held for long.
   *
   * @param ofRunning how long samples of jobs are kept that have not ended
   * @param ofFinished how long those of jobs that have
   */
  public int expire(Duration ofRunning, Duration ofFinished, Instant now) {
    Condition running = JOB_VIEW.FINISHED_AT.isNull();
    int deleted = deleteOf(running, now.minus(ofRunning));
    deleted += deleteOf(DSL.not(running), now.minus(ofFinished));
    database.read(
        dsl -> dsl.deleteFrom(JOB_DCGM).where(JOB_DCGM.AT.lt(now.minus(ofRunning))).execute());
    return deleted;
  }

  private int deleteOf(Condition jobs, Instant before) {
    int deleted = 0;
    while (true) {
      int piece =
          database.read(
              dsl ->
                  dsl.deleteFrom(JOB_SAMPLE)
                      .where(
                          DSL.row(JOB_SAMPLE.JOB_ID, JOB_SAMPLE.AT)
                              .in(
                                  dsl.select(JOB_SAMPLE.JOB_ID, JOB_SAMPLE.AT)
                                      .from(JOB_SAMPLE)
                                      .join(JOB_VIEW)
                                      .on(JOB_VIEW.ID.eq(JOB_SAMPLE.JOB_ID))
                                      .where(jobs, JOB_SAMPLE.AT.lt(before))
                                      .limit(PIECE)))
                      .execute());
      deleted += piece;
      if (piece < PIECE) {
        return deleted;
      }
    }
  }
}
