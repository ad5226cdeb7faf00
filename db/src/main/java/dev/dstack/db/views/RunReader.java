package dev.dstack.db.views;

import static dev.dstack.db.jooq.generated.records.Tables.PROJECT;
import static dev.dstack.db.jooq.generated.records.Tables.RUN_SUBMISSION;
import static dev.dstack.db.jooq.generated.records.Tables.USER_ACCOUNT;
import static dev.dstack.db.jooq.generated.views.Tables.INSTANCE_VIEW;
import static dev.dstack.db.jooq.generated.views.Tables.JOB_VIEW;
import static dev.dstack.db.jooq.generated.views.Tables.RUN_VIEW;
import static dev.dstack.db.jooq.generated.views.Tables.RUN_WHY;

import dev.dstack.db.Database;
import dev.dstack.model.agent.PullProgress;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.ids.UserId;
import dev.dstack.model.job.JobStatus;
import dev.dstack.model.json.Json;
import dev.dstack.model.run.RunStatus;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jooq.Condition;
import org.jooq.DSLContext;
import org.jooq.Field;
import org.jooq.JSONB;
import org.jooq.Record;
import org.jooq.SelectField;
import org.jooq.impl.DSL;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.ObjectReader;

/** Runs as they are shown. A list is two queries, whatever its length. */
public final class RunReader {
  private static final int MAX_WHY = 200;

  private static final Map<String, RunStatus> RUN_STATUS =
      byWire(RunStatus.values(), RunStatus::wire);
  private static final Map<String, JobStatus> JOB_STATUS =
      byWire(JobStatus.values(), JobStatus::wire);

  private static final Field<Double> COST = CostReader.ofRun(RUN_SUBMISSION.ID).as("cost");

  private static final List<SelectField<?>> FIELDS =
      List.of(
          RUN_SUBMISSION.ID,
          RUN_SUBMISSION.PROJECT_ID,
          PROJECT.NAME,
          RUN_SUBMISSION.USER_ID,
          USER_ACCOUNT.USERNAME,
          RUN_SUBMISSION.RUN_NAME,
          RUN_SUBMISSION.SPEC,
          RUN_SUBMISSION.SUBMITTED_AT,
          RUN_SUBMISSION.PRIORITY,
          RUN_SUBMISSION.DEPLOYMENT_NUM,
          RUN_SUBMISSION.FINISHED_AT,
          RUN_SUBMISSION.DELETED_AT,
          RUN_VIEW.REVISION,
          RUN_VIEW.STATUS,
          RUN_VIEW.STATUS_MESSAGE,
          RUN_VIEW.TERMINATION_REASON,
          RUN_VIEW.ERROR,
          RUN_VIEW.FLEET_ID,
          RUN_VIEW.FLEET_PROJECT,
          RUN_VIEW.FLEET_NAME,
          RUN_VIEW.AT,
          RUN_VIEW.NEXT_TRIGGERED_AT,
          RUN_VIEW.PRIORITY,
          RUN_VIEW.DEPLOYMENT_NUM,
          COST);

  /** What the provider calls a job's machine, found in the same query by the instance's key. */
  private static final Field<String> MACHINE = machine(JOB_VIEW.INSTANCE_ID);

  private static final List<Field<?>> JOB_FIELDS =
      Stream.<Field<?>>concat(Arrays.stream(JOB_VIEW.fields()), Stream.of(MACHINE)).toList();

  private static final ObjectReader PORTS =
      Json.lenient().readerFor(new TypeReference<Map<Integer, Integer>>() {});

  private final Database database;

  public RunReader(Database database) {
    this.database = database;
  }

  public List<RunRow> list(RunQuery query) {
    if (query.projects() != null && query.projects().isEmpty()) {
      return List.of();
    }
    return database.read(
        dsl -> {
          List<RunRow> runs = rows(dsl, condition(query), query.limit(), query.ascending());
          return query.includeJobs() ? withJobs(dsl, runs, query.jobSubmissionsLimit()) : runs;
        });
  }

  /** The latest run of that name, with all submissions of its jobs. */
  public Optional<RunRow> get(ProjectId project, String runName) {
    return one(
        DSL.and(
            RUN_SUBMISSION.PROJECT_ID.eq(project.value()),
            RUN_SUBMISSION.RUN_NAME.eq(runName),
            RUN_SUBMISSION.DELETED_AT.isNull()));
  }

  /** The attempts to get capacity that have a story, the oldest first. */
  public List<RunWhyRow> why(RunId run) {
    return database.read(
        dsl ->
            dsl.selectFrom(RUN_WHY)
                .where(RUN_WHY.RUN_ID.eq(run.value()))
                .orderBy(RUN_WHY.SUBMISSION_NUM, RUN_WHY.REPLICA_NUM)
                .limit(MAX_WHY)
                .fetch(
                    row ->
                        new RunWhyRow(
                            row.getReplicaNum(), row.getSubmissionNum(), row.getAttempt().data())));
  }

  public Optional<RunRow> get(RunId run) {
    return one(RUN_SUBMISSION.ID.eq(run.value()));
  }

  /** Where the jobs of one submission of a replica are, by their number, as JSON. */
  public Map<Integer, String> placements(RunId run, int replica, int submission) {
    return database.read(
        dsl -> {
          Map<Integer, String> found = new HashMap<>();
          dsl.select(JOB_VIEW.JOB_NUM, JOB_VIEW.PLACEMENT)
              .from(JOB_VIEW)
              .where(
                  JOB_VIEW.RUN_ID.eq(run.value()),
                  JOB_VIEW.REPLICA_NUM.eq(replica),
                  JOB_VIEW.SUBMISSION_NUM.eq(submission),
                  JOB_VIEW.PLACEMENT.isNotNull())
              .forEach(row -> found.put(row.value1(), row.value2().data()));
          return found;
        });
  }

  private Optional<RunRow> one(Condition condition) {
    return database.read(
        dsl -> withJobs(dsl, rows(dsl, condition, 1, false), null).stream().findFirst());
  }

  /** The query of a list, for the test that looks at its plan. */
  static org.jooq.Select<?> select(
      DSLContext dsl, Condition condition, int limit, boolean ascending) {
    return dsl.select(FIELDS)
        .from(RUN_SUBMISSION)
        .join(PROJECT)
        .on(PROJECT.ID.eq(RUN_SUBMISSION.PROJECT_ID))
        .join(USER_ACCOUNT)
        .on(USER_ACCOUNT.ID.eq(RUN_SUBMISSION.USER_ID))
        .leftJoin(RUN_VIEW)
        .on(RUN_VIEW.ID.eq(RUN_SUBMISSION.ID))
        .where(condition)
        .orderBy(
            ascending
                ? List.of(RUN_SUBMISSION.SUBMITTED_AT.asc(), RUN_SUBMISSION.ID.asc())
                : List.of(RUN_SUBMISSION.SUBMITTED_AT.desc(), RUN_SUBMISSION.ID.desc()))
        .limit(DSL.inline(limit));
  }

  private static List<RunRow> rows(
      DSLContext dsl, Condition condition, int limit, boolean ascending) {
    List<RunRow> rows = new ArrayList<>();
    for (Record row : select(dsl, condition, limit, ascending).fetch()) {
      rows.add(run(row));
    }
    return rows;
  }

  static Condition condition(RunQuery query) {
    List<Condition> all = new ArrayList<>();
    all.add(RUN_SUBMISSION.DELETED_AT.isNull());
    Collection<ProjectId> projects = query.projects();
    if (projects != null) {
      all.add(oneOf(RUN_SUBMISSION.PROJECT_ID, projects.stream().map(ProjectId::value).toList()));
    }
    if (query.user() != null) {
      all.add(RUN_SUBMISSION.USER_ID.eq(query.user().value()));
    }
    if (query.repoId() != null) {
      all.add(RUN_SUBMISSION.REPO_ID.eq(query.repoId()));
    }
    if (query.onlyActive()) {
      all.add(RUN_SUBMISSION.FINISHED_AT.isNull());
    }
    if (query.prevSubmittedAt() != null) {
      RunId prev = query.prevRunId();
      all.add(
          Keyset.after(
              RUN_SUBMISSION.SUBMITTED_AT,
              RUN_SUBMISSION.ID,
              query.prevSubmittedAt(),
              prev == null ? null : prev.value(),
              query.ascending()));
    }
    return DSL.and(all);
  }

  static <T> Condition oneOf(Field<T> field, List<T> values) {
    return values.size() == 1 ? field.eq(values.getFirst()) : field.in(values);
  }

  private static List<RunRow> withJobs(
      DSLContext dsl, List<RunRow> runs, @Nullable Integer submissionsLimit) {
    if (runs.isEmpty()) {
      return runs;
    }
    Map<UUID, List<JobViewRow>> jobs = new HashMap<>();
    List<UUID> ids = runs.stream().map(run -> run.id().value()).toList();
    // Named as the table's own: columns of another table are looked for by name, for each value.
    for (Record row : jobs(dsl, ids, submissionsLimit).coerce(JOB_FIELDS).fetch()) {
      JobViewRow job = job(row);
      jobs.computeIfAbsent(job.run().value(), _ -> new ArrayList<>()).add(job);
    }
    return runs.stream()
        .map(run -> with(run, jobs.getOrDefault(run.id().value(), List.of())))
        .toList();
  }

  static org.jooq.Select<?> jobs(
      DSLContext dsl, List<UUID> runs, @Nullable Integer submissionsLimit) {
    Field<UUID[]> ids = DSL.val(runs.toArray(UUID[]::new));
    Condition ofTheseRuns = JOB_VIEW.RUN_ID.eq(DSL.any(ids));
    if (submissionsLimit == null) {
      return dsl.select(JOB_FIELDS)
          .from(JOB_VIEW)
          .where(ofTheseRuns)
          .orderBy(
              JOB_VIEW.RUN_ID, JOB_VIEW.REPLICA_NUM, JOB_VIEW.JOB_NUM, JOB_VIEW.SUBMISSION_NUM);
    }
    Field<Integer> rank =
        DSL.rowNumber()
            .over()
            .partitionBy(JOB_VIEW.RUN_ID, JOB_VIEW.REPLICA_NUM, JOB_VIEW.JOB_NUM)
            .orderBy(JOB_VIEW.SUBMISSION_NUM.desc())
            .as("rank");
    var ranked =
        dsl.select(JOB_VIEW.fields())
            .select(rank)
            .from(JOB_VIEW)
            .where(ofTheseRuns)
            .asTable("ranked");
    return dsl.select(ranked.fields(JOB_VIEW.fields()))
        .select(machine(DSL.field(DSL.name("ranked", "instance_id"), UUID.class)))
        .from(ranked)
        .where(DSL.field(DSL.name("ranked", "rank"), Integer.class).le(submissionsLimit))
        .orderBy(
            ranked.field(JOB_VIEW.RUN_ID),
            ranked.field(JOB_VIEW.REPLICA_NUM),
            ranked.field(JOB_VIEW.JOB_NUM),
            ranked.field(JOB_VIEW.SUBMISSION_NUM));
  }

  private static Field<String> machine(Field<UUID> instance) {
    return DSL.field(
            DSL.select(INSTANCE_VIEW.PROVIDER_ID)
                .from(INSTANCE_VIEW)
                .where(INSTANCE_VIEW.ID.eq(instance)))
        .as("machine");
  }

  private static RunRow with(RunRow run, List<JobViewRow> jobs) {
    return new RunRow(
        run.id(),
        run.projectId(),
        run.project(),
        run.userId(),
        run.user(),
        run.runName(),
        run.specJson(),
        run.submittedAt(),
        run.priority(),
        run.deploymentNum(),
        run.finishedAt(),
        run.deletedAt(),
        run.view(),
        jobs,
        run.cost());
  }

  private static RunRow run(Record row) {
    RunId id = new RunId(row.get(RUN_SUBMISSION.ID));
    ProjectId project = new ProjectId(row.get(RUN_SUBMISSION.PROJECT_ID));
    return new RunRow(
        id,
        project,
        row.get(PROJECT.NAME),
        new UserId(row.get(RUN_SUBMISSION.USER_ID)),
        row.get(USER_ACCOUNT.USERNAME),
        row.get(RUN_SUBMISSION.RUN_NAME),
        row.get(RUN_SUBMISSION.SPEC).data(),
        row.get(RUN_SUBMISSION.SUBMITTED_AT),
        row.get(RUN_SUBMISSION.PRIORITY),
        row.get(RUN_SUBMISSION.DEPLOYMENT_NUM),
        row.get(RUN_SUBMISSION.FINISHED_AT),
        row.get(RUN_SUBMISSION.DELETED_AT),
        row.get(RUN_VIEW.REVISION) == null ? null : view(id, project, row),
        List.of(),
        row.get(COST));
  }

  private static RunViewRow view(RunId id, ProjectId project, Record row) {
    UUID fleet = row.get(RUN_VIEW.FLEET_ID);
    return new RunViewRow(
        id,
        project,
        row.get(RUN_VIEW.REVISION),
        known(RUN_STATUS, row.get(RUN_VIEW.STATUS)),
        row.get(RUN_VIEW.STATUS_MESSAGE),
        row.get(RUN_VIEW.TERMINATION_REASON),
        row.get(RUN_VIEW.ERROR),
        fleet == null
            ? null
            : new RunViewRow.Fleet(
                new FleetId(fleet), row.get(RUN_VIEW.FLEET_PROJECT), row.get(RUN_VIEW.FLEET_NAME)),
        row.get(RUN_VIEW.AT),
        row.get(RUN_VIEW.NEXT_TRIGGERED_AT),
        row.get(RUN_VIEW.PRIORITY),
        row.get(RUN_VIEW.DEPLOYMENT_NUM));
  }

  static JobViewRow job(Record row) {
    UUID instance = row.get(JOB_VIEW.INSTANCE_ID);
    JSONB placement = row.get(JOB_VIEW.PLACEMENT);
    JSONB ports = row.get(JOB_VIEW.PORTS);
    JSONB pull = row.get(JOB_VIEW.PULL);
    String[] volumes = row.get(JOB_VIEW.VOLUME_NAMES);
    return new JobViewRow(
        new JobId(row.get(JOB_VIEW.ID)),
        new RunId(row.get(JOB_VIEW.RUN_ID)),
        new ProjectId(row.get(JOB_VIEW.PROJECT_ID)),
        row.get(JOB_VIEW.REPLICA_NUM),
        row.get(JOB_VIEW.JOB_NUM),
        row.get(JOB_VIEW.SUBMISSION_NUM),
        row.get(JOB_VIEW.JOB_NAME),
        row.get(JOB_VIEW.REVISION),
        known(JOB_STATUS, row.get(JOB_VIEW.STATUS)),
        row.get(JOB_VIEW.STATUS_MESSAGE),
        row.get(JOB_VIEW.TERMINATION_REASON),
        row.get(JOB_VIEW.TERMINATION_REASON_MESSAGE),
        row.get(JOB_VIEW.EXIT_STATUS),
        instance == null ? null : new InstanceId(instance),
        placement == null ? null : placement.data(),
        row.get(JOB_VIEW.PRICE),
        row.get(JOB_VIEW.WORKING_DIR),
        row.get(JOB_VIEW.USERNAME),
        row.get(JOB_VIEW.SUBMITTED_AT),
        row.get(JOB_VIEW.AT),
        row.get(JOB_VIEW.RUNNING_AT),
        row.get(JOB_VIEW.FINISHED_AT),
        ports == null ? Map.of() : PORTS.readValue(ports.data()),
        pull == null ? null : Json.lenient().readValue(pull.data(), PullProgress.class),
        row.get(JOB_VIEW.UNUSED_SINCE),
        volumes == null ? List.of() : List.of(volumes),
        row.get(MACHINE));
  }

  static <E> Map<String, E> byWire(E[] values, Function<E, String> wire) {
    return Arrays.stream(values).collect(Collectors.toUnmodifiableMap(wire, Function.identity()));
  }

  /** The CHECK of the table lets nothing else in. */
  static <E> E known(Map<String, E> byWire, String word) {
    E value = byWire.get(word);
    if (value == null) {
      throw new IllegalStateException("the database holds the unknown word '" + word + "'");
    }
    return value;
  }
}
