package dev.dstack.db.views;

import static dev.dstack.db.jooq.generated.records.Tables.RUN_SUBMISSION;
import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.db.Fixture;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.ids.UserId;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import org.jooq.Query;
import org.jooq.impl.DSL;
import org.jooq.impl.DefaultExecuteListenerProvider;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Lists cost what they show, not what there is: every list query goes by its index. */
class QueryPlanTest {
  private static final int RUNS = 12_000;
  private static Fixture fixture;

  @BeforeAll
  static void fill() {
    fixture = new Fixture();
    UserId other = fixture.user("other");
    ProjectId second = fixture.project("second");
    var dsl = fixture.owner.dsl();
    dsl.execute(
        """
        insert into records.run_submission
          (id, project_id, user_id, run_name, repo_id, spec, plan, submitted_at, dispatched_at, finished_at)
        select gen_random_uuid(), case when n %% 20 = 0 then '%s'::uuid else '%s'::uuid end,
          case when n %% 50 = 0 then '%s'::uuid else '%s'::uuid end, 'run-' || n, 'repo-' || n %% 40,
          '{}', '{}', timestamptz '2026-01-01' + n * interval '1 minute', now(),
          case when n %% 100 = 7 then null else now() end
        from generate_series(1, %d) n
        """
            .formatted(second, fixture.project, other, fixture.user, RUNS));
    dsl.execute(
        """
        insert into views.run_view
          (id, project_id, revision, status, status_message, at, priority, deployment_num)
        select id, project_id, 1, case when finished_at is null then 'running' else 'done' end, '',
          submitted_at, 0, 0
        from records.run_submission
        """);
    dsl.execute(
        """
        insert into views.job_view (id, run_id, project_id, replica_num, job_num, submission_num, job_name,
          revision, status, status_message, submitted_at, at)
        select gen_random_uuid(), id, project_id, 0, 0, s, 'j', 1, 'done', '', submitted_at, submitted_at
        from records.run_submission, generate_series(0, 1) s
        """);
    dsl.execute(
        """
        insert into records.fleet (id, project_id, name, spec, plan, dispatched_revision, created_at)
        select gen_random_uuid(), '%s'::uuid, 'fleet-' || n, '{}', '{}', 1,
          timestamptz '2026-01-01' + n * interval '1 h'
        from generate_series(1, 11000) n
        """
            .formatted(fixture.project));
    dsl.execute(
        """
        insert into views.instance_view (id, project_id, fleet_id, fleet_name, number, name, revision, status,
          host, offer, created_at, at, finished_at)
        select gen_random_uuid(), project_id, id, name, 0, name || '-0', 1, 'idle', 'HEALTHY', '{}', created_at,
          created_at, case when name like '%7' then null else now() end
        from records.fleet
        """);
    dsl.execute(
        """
        insert into records.entity_event (id, recorded_at, message)
        select gen_random_uuid(), submitted_at, run_name from records.run_submission
        """);
    dsl.execute(
        """
        insert into records.entity_event_target (event_id, ordinal, recorded_at, type, id, name, project_id)
        select e.id, 0, e.recorded_at, 'run', r.id, r.run_name, r.project_id
        from records.entity_event e join records.run_submission r on r.run_name = e.message
        """);
    dsl.execute("analyze");
  }

  @AfterAll
  static void close() {
    fixture.close();
  }

  @Test
  void runLists() {
    Instant middle = Instant.parse("2026-01-04T00:00:00Z");
    RunId prev = new RunId(new UUID(3, 3));
    assertUses(runs(null, null, null, false, null, null, false), "run_submission_list_idx");
    assertUses(runs(null, null, null, false, middle, prev, false), "run_submission_list_idx");
    assertUses(runs(null, null, null, false, middle, null, true), "run_submission_list_idx");
    assertUses(
        runs(List.of(fixture.project), null, null, false, middle, prev, false),
        "run_submission_project_list_idx",
        "run_submission_list_idx");
    assertUses(
        runs(List.of(fixture.project), null, "repo-3", false, null, null, false),
        "run_submission_repo_list_idx");
    assertUses(
        runs(null, fixture.user, null, false, middle, prev, false),
        "run_submission_user_list_idx",
        "run_submission_list_idx");
    assertUses(runs(null, null, null, true, null, null, false), "run_submission_active_idx");
    assertUses(
        runs(List.of(fixture.project), null, null, true, middle, prev, false),
        "run_submission_active_idx");
  }

  @Test
  void oneRunByName() {
    assertUses(
        RunReader.select(
            fixture.api.dsl(),
            DSL.and(
                RUN_SUBMISSION.PROJECT_ID.eq(fixture.project.value()),
                RUN_SUBMISSION.RUN_NAME.eq("run-77"),
                RUN_SUBMISSION.DELETED_AT.isNull()),
            1,
            false),
        "run_submission_name_idx");
  }

  @Test
  void jobsOfAPage() {
    List<UUID> ids =
        fixture
            .api
            .dsl()
            .select(RUN_SUBMISSION.ID)
            .from(RUN_SUBMISSION)
            .limit(100)
            .fetch(RUN_SUBMISSION.ID);
    assertUses(RunReader.jobs(fixture.api.dsl(), ids, 1), "job_view_run_idx");
    assertUses(RunReader.jobs(fixture.api.dsl(), ids, null), "job_view_run_idx");
  }

  @Test
  void instanceLists() {
    assertUses(instances(null, null, false), "instance_view_list_idx");
    assertUses(
        instances(List.of(fixture.project), null, false),
        "instance_view_project_list_idx",
        "instance_view_list_idx");
    assertUses(instances(null, null, true), "instance_view_active_idx");
    assertUses(
        instances(null, List.of(new FleetId(UUID.randomUUID())), false), "instance_view_fleet_idx");
  }

  @Test
  void fleetLists() {
    FleetQuery query = new FleetQuery(List.of(fixture.project), true, null, null, 100, false);
    assertUses(
        FleetReader.select(fixture.api.dsl(), FleetReader.condition(query), 100, false),
        "fleet_list_idx");
  }

  @Test
  void eventLists() {
    Instant middle = Instant.parse("2026-01-04T00:00:00Z");
    assertUses(events(null, null, null), "entity_event_target_time_idx");
    assertUses(events(null, null, middle), "entity_event_target_time_idx");
    assertUses(
        events(new EventQuery.Targets("run", List.of(UUID.randomUUID())), null, middle),
        "entity_event_target_id_idx");
    assertUses(
        events(null, new EventQuery.Within.Runs(List.of(new RunId(UUID.randomUUID()))), null),
        "entity_event_target_id_idx");
    assertUses(
        events(null, new EventQuery.Within.Fleets(List.of(new FleetId(UUID.randomUUID()))), null),
        "entity_event_target_id_idx");
    assertUses(
        events(null, new EventQuery.Within.Projects(List.of(fixture.project)), middle),
        "entity_event_target_project_idx",
        "entity_event_target_time_idx");
  }

  @Test
  void dispatcherScans() {
    assertUses(
        fixture
            .api
            .dsl()
            .selectFrom(RUN_SUBMISSION)
            .where(
                RUN_SUBMISSION.DISPATCHED_AT.isNull(),
                RUN_SUBMISSION.FINISHED_AT.isNull(),
                RUN_SUBMISSION.DELETED_AT.isNull())
            .orderBy(RUN_SUBMISSION.PRIORITY.desc(), RUN_SUBMISSION.SUBMITTED_AT, RUN_SUBMISSION.ID)
            .limit(1)
            .forUpdate()
            .skipLocked(),
        "run_submission_to_dispatch_idx");
  }

  /** 100 of 12,000 runs with their jobs: two queries, and only the rows that are shown. */
  @Test
  void aPageIsTwoQueriesAndItsOwnRows() {
    AtomicInteger queries = new AtomicInteger();
    AtomicInteger rows = new AtomicInteger();
    fixture
        .api
        .dsl()
        .configuration()
        .set(
            new DefaultExecuteListenerProvider(
                new org.jooq.ExecuteListener() {
                  @Override
                  public void executeStart(org.jooq.ExecuteContext context) {
                    queries.incrementAndGet();
                  }

                  @Override
                  public void recordEnd(org.jooq.ExecuteContext context) {
                    rows.incrementAndGet();
                  }
                }));
    try {
      RunReader reader = new RunReader(fixture.api);
      Set<RunId> seen = new HashSet<>();
      List<RunRow> page = reader.list(query(null, null, null, false, null, null, false));
      assertThat(queries).hasValue(2);
      assertThat(rows).hasValue(200);
      for (int pages = 1; pages < 4; pages++) {
        page.forEach(run -> assertThat(seen.add(run.id())).isTrue());
        assertThat(page).allSatisfy(run -> assertThat(run.jobs()).hasSize(1));
        RunRow last = page.getLast();
        page = reader.list(query(null, null, null, false, last.submittedAt(), last.id(), false));
      }
      assertThat(seen).hasSize(300);
    } finally {
      fixture.api.dsl().configuration().set(new DefaultExecuteListenerProvider[0]);
    }
  }

  private static RunQuery query(
      @Nullable List<ProjectId> projects,
      @Nullable UserId user,
      @Nullable String repo,
      boolean active,
      @Nullable Instant prev,
      @Nullable RunId prevId,
      boolean ascending) {
    return new RunQuery(projects, user, repo, active, true, 1, prev, prevId, 100, ascending);
  }

  private static Query runs(
      @Nullable List<ProjectId> projects,
      @Nullable UserId user,
      @Nullable String repo,
      boolean active,
      @Nullable Instant prev,
      @Nullable RunId prevId,
      boolean ascending) {
    return RunReader.select(
        fixture.api.dsl(),
        RunReader.condition(query(projects, user, repo, active, prev, prevId, ascending)),
        100,
        ascending);
  }

  private static Query instances(
      @Nullable List<ProjectId> projects, @Nullable List<FleetId> fleets, boolean active) {
    InstanceQuery query = new InstanceQuery(projects, fleets, active, null, null, 100, false);
    return InstanceReader.select(fixture.api.dsl(), InstanceReader.condition(query), 100, false);
  }

  private static Query events(
      EventQuery.@Nullable Targets targets,
      EventQuery.@Nullable Within within,
      @Nullable Instant prev) {
    return EventReader.select(
        fixture.api.dsl(),
        new EventQuery(
            null,
            targets,
            within,
            null,
            null,
            prev,
            prev == null ? null : new UUID(1, 1),
            100,
            false));
  }

  private static void assertUses(Query query, String... anyOf) {
    String plan = fixture.owner.dsl().explain(query).plan();
    assertThat(anyOf).as(plan).anyMatch(plan::contains);
    assertThat(plan)
        .doesNotContain("Seq Scan on run_submission")
        .doesNotContain("Seq Scan on run_view")
        .doesNotContain("Seq Scan on job_view")
        .doesNotContain("Seq Scan on instance_view")
        .doesNotContain("Seq Scan on fleet ")
        .doesNotContain("Seq Scan on entity_event");
  }
}
