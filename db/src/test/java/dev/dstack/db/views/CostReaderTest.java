package dev.dstack.db.views;

import static dev.dstack.db.jooq.generated.records.Tables.INSTANCE_MACHINE;
import static dev.dstack.db.jooq.generated.records.Tables.VOLUME;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.dstack.db.Fixture;
import dev.dstack.db.crypto.Encryption;
import dev.dstack.db.records.NewRun;
import dev.dstack.db.records.RunPrivate;
import dev.dstack.db.records.RunSubmissions;
import dev.dstack.db.views.CostReader.Period;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.ids.VolumeId;
import dev.dstack.model.instance.HostState;
import dev.dstack.model.instance.InstanceStatus;
import dev.dstack.model.job.JobStatus;
import dev.dstack.model.wire.volume.VolumeStatus;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.assertj.core.data.Offset;
import org.jooq.JSONB;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class CostReaderTest {
  private static final Instant NOW = Fixture.START;
  private static final Period LAST_HOUR = new Period(before(60), NOW);
  private static final Offset<Double> EXACTLY = within(1e-9);

  private static Fixture fixture;
  private static ViewWriter writer;
  private static CostReader costs;
  private static RunReader runs;

  @BeforeAll
  static void open() {
    fixture = new Fixture();
    writer = new ViewWriter(fixture.worker);
    costs = new CostReader(fixture.api);
    runs = new RunReader(fixture.api);
  }

  @AfterAll
  static void close() {
    fixture.close();
  }

  @Test
  void machinesArePaidForFromTheirMakingToTheirEnd() {
    ProjectId project = fixture.project("machines");
    InstanceId running = instance(project, "running", null);
    machine(project, running, 1, 2, before(120), null);
    InstanceId second = instance(project, "second", null);
    machine(project, second, 1, 100, before(180), before(150));
    machine(project, second, 2, 4, before(30), before(15));
    // Its provider was never asked.
    InstanceId forgotten = instance(project, "forgotten", before(30));
    machine(project, forgotten, 1, 8, before(60), null);
    machine(fixture.project, instance(fixture.project, "other", null), 1, 50, before(60), null);
    machine(project, instance(project, "free", null), 1, 0, before(60), null);

    Charges all = costs.instances(project, LAST_HOUR, 10);
    assertThat(all.largest())
        .extracting(Charge::name)
        .containsExactly("forgotten", "running", "second");
    assertThat(all.largest().get(0).dollars()).isCloseTo(4, EXACTLY);
    assertThat(all.largest().get(1).dollars()).isCloseTo(2, EXACTLY);
    assertThat(all.largest().get(1).until()).isNull();
    assertThat(all.largest().get(1).since()).isEqualTo(before(120));
    assertThat(all.largest().get(2).dollars()).isCloseTo(1, EXACTLY);
    assertThat(all.largest().get(2).hours()).isCloseTo(0.25, EXACTLY);
    assertThat(all.largest().get(2).until()).isEqualTo(before(15));
    assertThat(all.largest()).extracting(Charge::backend).containsOnly("aws");
    assertThat(all.dollars()).isCloseTo(7, EXACTLY);

    Charges dearest = costs.instances(project, LAST_HOUR, 1);
    assertThat(dearest.largest()).hasSize(1);
    assertThat(dearest.dollars()).as("of all").isCloseTo(7, EXACTLY);
    assertThat(dearest.all()).isEqualTo(3);
    assertThat(costs.instances(project, new Period(before(240), before(180)), 10))
        .isEqualTo(new Charges(0, 0, List.of()));
  }

  /** An instance of $2 in four blocks. */
  @Test
  void runsPayForTheirPartWhileTheyHaveIt() {
    ProjectId project = fixture.project("runs");
    RunId sharing = accepted(project, "sharing");
    JobId still = new JobId(UUID.randomUUID());
    write(project, sharing, still, 0, 1, before(600), null, null);
    write(project, sharing, still, 0, 2, before(60), 0.5, null);
    write(project, sharing, still, 0, 3, before(40), 0.5, null);
    JobId over = new JobId(UUID.randomUUID());
    write(project, sharing, over, 1, 1, before(30), 1.0, null);
    // The end is told by one who does not know where it was.
    write(project, sharing, over, 1, 2, before(15), null, before(15));
    RunId waiting = accepted(project, "waiting");
    write(project, waiting, new JobId(UUID.randomUUID()), 0, 1, before(600), null, null);

    Charges all = costs.runs(project, LAST_HOUR, 10);
    assertThat(all.largest()).extracting(Charge::name).containsExactly("sharing");
    assertThat(all.dollars()).isCloseTo(0.5 + 0.25, EXACTLY);
    assertThat(all.largest().getFirst().hours()).isCloseTo(1.25, EXACTLY);
    assertThat(all.largest().getFirst().until()).isNull();
    assertThat(costs.runs(project, new Period(before(60), before(30)), 10).dollars())
        .isCloseTo(0.25, EXACTLY);
    assertThat(runs.get(waiting).orElseThrow().cost()).isZero();

    write(project, sharing, still, 0, 4, NOW, 0.5, NOW);
    assertThat(runs.get(sharing).orElseThrow().cost()).isCloseTo(0.75, EXACTLY);
    RunQuery listed =
        new RunQuery(List.of(project), null, null, false, false, null, null, null, 10, false);
    assertThat(runs.list(listed))
        .as("without its jobs, too")
        .anySatisfy(run -> assertThat(run.cost()).isCloseTo(0.75, EXACTLY));
  }

  @Test
  void volumesArePaidForByTheMonth() {
    ProjectId project = fixture.project("volumes");
    volume(project, "made", "{}");
    volume(project, "registered", "{\"volume_id\": \"vol-1\"}");
    Charges all = costs.volumes(project, LAST_HOUR, 10);
    assertThat(all.largest()).extracting(Charge::name).containsExactly("made");
    assertThat(all.dollars()).isCloseTo(0.1, EXACTLY);
  }

  private static Instant before(int minutes) {
    return NOW.minus(Duration.ofMinutes(minutes));
  }

  private static InstanceId instance(ProjectId project, String name, @Nullable Instant finished) {
    InstanceId id = new InstanceId(UUID.randomUUID());
    writer.writeInstance(
        new InstanceViewRow(
            id,
            project,
            new FleetId(UUID.randomUUID()),
            "fleet",
            0,
            name,
            1,
            InstanceStatus.IDLE,
            HostState.HEALTHY,
            null,
            null,
            "{}",
            "p",
            "h",
            NOW,
            NOW,
            finished),
        List.of());
    return id;
  }

  private static void machine(
      ProjectId project,
      InstanceId instance,
      int attempt,
      double price,
      Instant created,
      @Nullable Instant terminated) {
    fixture
        .worker
        .dsl()
        .insertInto(INSTANCE_MACHINE)
        .set(INSTANCE_MACHINE.INSTANCE_ID, instance.value())
        .set(INSTANCE_MACHINE.ATTEMPT, attempt)
        .set(INSTANCE_MACHINE.PROJECT_ID, project.value())
        .set(INSTANCE_MACHINE.BACKEND, "aws")
        .set(INSTANCE_MACHINE.PROVIDER_ID, "i-1")
        .set(INSTANCE_MACHINE.OFFER, JSONB.valueOf("{\"price\": " + price + "}"))
        .set(INSTANCE_MACHINE.CREATED_AT, created)
        .set(INSTANCE_MACHINE.UPDATED_AT, created)
        .set(INSTANCE_MACHINE.TERMINATED_AT, terminated)
        .execute();
  }

  private static RunId accepted(ProjectId project, String name) {
    RunId id = new RunId(UUID.randomUUID());
    new RunSubmissions(fixture.api, Encryption.identity(), () -> NOW)
        .accept(
            new NewRun(id, project, fixture.user, name, null, "{}", RunPrivate.NONE, "{}", 0, NOW));
    return id;
  }

  private static void write(
      ProjectId project,
      RunId run,
      JobId id,
      int number,
      long revision,
      Instant at,
      @Nullable Double price,
      @Nullable Instant finished) {
    writer.writeJob(
        new JobViewRow(
            id,
            run,
            project,
            0,
            number,
            0,
            "job",
            revision,
            finished == null ? JobStatus.RUNNING : JobStatus.DONE,
            "",
            null,
            null,
            null,
            null,
            price == null ? null : "{}",
            price,
            null,
            null,
            before(600),
            at,
            null,
            finished,
            Map.of(),
            null,
            null,
            List.of()),
        List.of());
  }

  /** Of $73 a month, which is 10 cents an hour. */
  private static void volume(ProjectId project, String name, String configuration) {
    VolumeId id = new VolumeId(UUID.randomUUID());
    fixture
        .api
        .dsl()
        .insertInto(VOLUME)
        .set(VOLUME.ID, id.value())
        .set(VOLUME.PROJECT_ID, project.value())
        .set(VOLUME.USER_ID, fixture.user.value())
        .set(VOLUME.NAME, name)
        .set(VOLUME.CONFIGURATION, JSONB.valueOf(configuration))
        .set(VOLUME.PLAN, JSONB.valueOf("{}"))
        .set(VOLUME.CREATED_AT, before(120))
        .execute();
    writer.writeVolume(
        new VolumeViewRow(
            id,
            project,
            name,
            1,
            VolumeStatus.ACTIVE,
            null,
            "vol-1",
            100,
            "zone",
            73.0,
            "[]",
            before(120),
            before(120),
            null),
        false,
        List.of());
  }
}
