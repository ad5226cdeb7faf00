package dev.dstack.db.metrics;

import static dev.dstack.db.jooq.generated.records.Tables.RUN_SUBMISSION;
import static dev.dstack.db.jooq.generated.views.Tables.JOB_VIEW;

import dev.dstack.db.Database;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.RunId;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jooq.Condition;
import org.jooq.JSONB;
import org.jooq.Record;
import org.jspecify.annotations.Nullable;

/**
 * What a page of metrics shows: facts of the database, so that any number of servers show the same.
 */
public final class MetricsReader {
  /** Upper bounds of the histogram of the time from submission to the first machine, in seconds. */
  public static final List<Integer> BOUNDS =
      List.of(15, 30, 45, 60, 90, 120, 180, 240, 300, 360, 420, 480, 540, 600, 900, 1200, 1800);

  private static final String RUNS =
      """
      select p.name as project, u.username, coalesce(s.run_type, '') as run_type,
          coalesce(v.status, 'submitted') as status, count(*) as runs,
          coalesce(sum(v.times_pending), 0) as pending,
          count(v.provisioned_at) as provisioned,
          coalesce(sum(t.seconds), 0)::float8 as seconds,
          array[%s] as buckets
      from records.run_submission s
      join records.project p on p.id = s.project_id
      join records.user_account u on u.id = s.user_id
      left join views.run_view v on v.id = s.id
      left join lateral (select extract(epoch from v.provisioned_at - s.submitted_at) as seconds) t
          on v.provisioned_at is not null
      group by 1, 2, 3, 4
      order by 1, 2, 3, 4
      """
          .formatted(
              String.join(
                  ", ",
                  BOUNDS.stream()
                      .map(bound -> "count(*) filter (where t.seconds <= " + bound + ")")
                      .toList()));

  private static final String INSTANCES =
      """
      select p.name as project, i.fleet_name, i.fleet_id, i.name, i.id, i.offer, i.created_at
      from views.instance_view i
      join records.project p on p.id = i.project_id
      where i.finished_at is null and i.status in ('provisioning', 'idle', 'busy', 'terminating')
      order by 1, 4, 5
      """;

  private static final String JOBS =
      """
      select p.name as project, u.username, s.run_name, j.run_id, j.job_name, j.id, j.job_num,
          j.replica_num, coalesce(s.run_type, '') as run_type, j.placement, j.submitted_at,
          m.at, m.cpu_micros, m.memory_bytes, m.working_set_bytes, m.gpu_memory_bytes, m.gpu_util,
          d.text as dcgm
      from views.job_view j
      join records.run_submission s on s.id = j.run_id
      join records.project p on p.id = j.project_id
      join records.user_account u on u.id = s.user_id
      left join lateral (
          select * from views.job_sample x where x.job_id = j.id order by x.at desc limit 1) m
          on true
      left join views.job_dcgm d on d.job_id = j.id and d.at > now() - interval '2 minutes'
      where j.finished_at is null and j.placement is not null
          and j.status in ('provisioning', 'pulling', 'running', 'terminating')
      order by 1, 5, 6
      """;

  private final Database database;

  public MetricsReader(Database database) {
    this.database = database;
  }

  /**
   * Runs that have the same labels.
   *
   * @param pending how often they began to wait
   * @param provisioned how many got a machine, after {@code seconds} together
   * @param buckets how many of them within each of {@link #BOUNDS}
   */
  public record Runs(
      String project,
      String user,
      String type,
      String status,
      long count,
      long pending,
      long provisioned,
      double seconds,
      List<Long> buckets) {
    public Runs {
      buckets = List.copyOf(buckets);
    }
  }

  /**
   * @param offerJson the workflow's Offer
   */
  public record Instance(
      String project,
      String fleet,
      UUID fleetId,
      String name,
      UUID id,
      String offerJson,
      Instant createdAt) {}

  /**
   * @param placementJson the workflow's Placement
   * @param sample the latest; absent before there is one
   * @param dcgm what the host's exporter said of its accelerators within the last minutes
   */
  public record Job(
      String project,
      String user,
      String run,
      UUID runId,
      String name,
      JobId id,
      int jobNum,
      int replicaNum,
      String runType,
      String placementJson,
      Instant submittedAt,
      @Nullable JobSample sample,
      @Nullable String dcgm) {}

  /**
   * The latest submission of one job of a run.
   *
   * @param id absent when the run is there and shows no such job (yet)
   * @param placementJson absent before it is placed
   */
  public record JobOfRun(@Nullable JobId id, @Nullable String placementJson) {}

  /**
   * @param run absent: the one of that name that has not been deleted
   */
  public Optional<JobOfRun> job(
      ProjectId project, String runName, @Nullable RunId run, int replicaNum, int jobNum) {
    Condition wanted =
        RUN_SUBMISSION
            .PROJECT_ID
            .eq(project.value())
            .and(RUN_SUBMISSION.RUN_NAME.eq(runName))
            .and(
                run == null
                    ? RUN_SUBMISSION.DELETED_AT.isNull()
                    : RUN_SUBMISSION.ID.eq(run.value()));
    return database.read(
        dsl ->
            dsl.select(JOB_VIEW.ID, JOB_VIEW.PLACEMENT)
                .from(RUN_SUBMISSION)
                .leftJoin(JOB_VIEW)
                .on(
                    JOB_VIEW.RUN_ID.eq(RUN_SUBMISSION.ID),
                    JOB_VIEW.REPLICA_NUM.eq(replicaNum),
                    JOB_VIEW.JOB_NUM.eq(jobNum))
                .where(wanted)
                .orderBy(RUN_SUBMISSION.SUBMITTED_AT.desc(), JOB_VIEW.SUBMISSION_NUM.desc())
                .limit(1)
                .fetchOptional(
                    row ->
                        new JobOfRun(
                            row.value1() == null ? null : new JobId(row.value1()),
                            row.value2() == null ? null : row.value2().data())));
  }

  public List<Runs> runs() {
    return database.read(
        dsl ->
            dsl.resultQuery(RUNS)
                .fetch(
                    row ->
                        new Runs(
                            text(row, "project"),
                            text(row, "username"),
                            text(row, "run_type"),
                            text(row, "status"),
                            row.get("runs", Long.class),
                            row.get("pending", Long.class),
                            row.get("provisioned", Long.class),
                            row.get("seconds", Double.class),
                            Arrays.asList(row.get("buckets", Long[].class)))));
  }

  public List<Instance> instances() {
    return database.read(
        dsl ->
            dsl.resultQuery(INSTANCES)
                .fetch(
                    row ->
                        new Instance(
                            text(row, "project"),
                            text(row, "fleet_name"),
                            row.get("fleet_id", UUID.class),
                            text(row, "name"),
                            row.get("id", UUID.class),
                            row.get("offer", JSONB.class).data(),
                            row.get("created_at", Instant.class))));
  }

  public List<Job> jobs() {
    return database.read(dsl -> dsl.resultQuery(JOBS).fetch(MetricsReader::job));
  }

  private static Job job(Record row) {
    JobId id = new JobId(row.get("id", UUID.class));
    Instant at = row.get("at", Instant.class);
    return new Job(
        text(row, "project"),
        text(row, "username"),
        text(row, "run_name"),
        row.get("run_id", UUID.class),
        text(row, "job_name"),
        id,
        row.get("job_num", Integer.class),
        row.get("replica_num", Integer.class),
        text(row, "run_type"),
        row.get("placement", JSONB.class).data(),
        row.get("submitted_at", Instant.class),
        at == null
            ? null
            : new JobSample(
                id,
                at,
                row.get("cpu_micros", Long.class),
                row.get("memory_bytes", Long.class),
                row.get("working_set_bytes", Long.class),
                Arrays.asList(row.get("gpu_memory_bytes", Long[].class)),
                Arrays.asList(row.get("gpu_util", Integer[].class))),
        row.get("dcgm", String.class));
  }

  private static String text(Record row, String column) {
    return row.get(column, String.class);
  }
}
