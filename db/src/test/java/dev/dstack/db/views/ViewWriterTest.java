package dev.dstack.db.views;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.db.Fixture;
import dev.dstack.db.crypto.Encryption;
import dev.dstack.db.crypto.EncryptionKey;
import dev.dstack.db.metrics.MetricsReader;
import dev.dstack.db.records.Fleets;
import dev.dstack.db.records.NewEvent;
import dev.dstack.db.records.NewRun;
import dev.dstack.db.records.RunPrivate;
import dev.dstack.db.records.RunSubmissions;
import dev.dstack.model.agent.PullProgress;
import dev.dstack.model.fleet.FleetStatus;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.instance.HostState;
import dev.dstack.model.instance.InstanceStatus;
import dev.dstack.model.job.JobStatus;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.run.RunStatus;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class ViewWriterTest {
  private static Fixture fixture;
  private static ViewWriter writer;
  private static RunReader runs;

  @BeforeAll
  static void open() {
    fixture = new Fixture();
    writer = new ViewWriter(fixture.worker);
    runs = new RunReader(fixture.api);
  }

  @AfterAll
  static void close() {
    fixture.close();
  }

  @Test
  void anOlderRevisionChangesNothing() {
    RunId run = accepted("revisions");
    assertThat(runs.get(run).orElseThrow().status()).isEqualTo(RunStatus.SUBMITTED);

    writer.writeRun(view(run, 2, RunStatus.RUNNING, "two"), List.of(event(run, 2, "two")));
    writer.writeRun(view(run, 1, RunStatus.PROVISIONING, "one"), List.of(event(run, 1, "one")));
    writer.writeRun(view(run, 2, RunStatus.RUNNING, "again"), List.of(event(run, 2, "two")));

    RunRow row = runs.get(run).orElseThrow();
    assertThat(row.view()).isNotNull();
    assertThat(row.view().statusMessage()).isEqualTo("two");
    assertThat(row.status()).isEqualTo(RunStatus.RUNNING);
    assertThat(row.finishedAt()).isNull();
    assertThat(messages(new EventQuery.Within.Runs(List.of(run))))
        .containsExactlyInAnyOrder("Run submitted. Status: SUBMITTED", "one", "two");
  }

  /** Written twice, late, or by two workers: each turn counts once. */
  @Test
  void remembersWhenARunGotItsMachineAndHowOftenItWaited() {
    RunId run = accepted("remembered");
    writer.writeRun(view(run, 1, RunStatus.PENDING, ""), List.of());
    writer.writeRun(view(run, 1, RunStatus.PENDING, ""), List.of());
    writer.writeRun(view(run, 2, RunStatus.PENDING, "still"), List.of());
    writer.writeRun(view(run, 3, RunStatus.PROVISIONING, ""), List.of());
    writer.writeRun(view(run, 4, RunStatus.PENDING, ""), List.of());
    writer.writeRun(view(run, 2, RunStatus.PENDING, "late"), List.of());
    writer.writeRun(view(run, 5, RunStatus.RUNNING, ""), List.of());
    MetricsReader.Runs counted =
        new MetricsReader(fixture.api)
            .runs().stream().filter(some -> some.pending() > 0).findFirst().orElseThrow();
    assertThat(counted.pending()).isEqualTo(2);
    assertThat(counted.provisioned()).isPositive();
    assertThat(counted.buckets()).hasSameSizeAs(MetricsReader.BOUNDS);
  }

  @Test
  void storesWhatPostgresRefuses() {
    RunId run = accepted("nul");
    writer.writeRun(view(run, 1, RunStatus.FAILED, "a\0b"), List.of(event(run, 1, "x\0y")));
    assertThat(runs.get(run).orElseThrow().view().statusMessage()).isEqualTo("a\uFFFDb");
  }

  @Test
  void showsJobsWithTheirLatestSubmissions() {
    RunId run = accepted("jobs");
    writer.writeRun(view(run, 1, RunStatus.RUNNING, ""), List.of());
    for (int submission = 0; submission < 4; submission++) {
      writer.writeJob(job(new JobId(UUID.randomUUID()), run, 0, submission), List.of());
      writer.writeJob(job(new JobId(UUID.randomUUID()), run, 1, submission), List.of());
    }
    RunRow limited =
        runs.list(query(2)).stream().filter(row -> row.id().equals(run)).findFirst().orElseThrow();
    assertThat(limited.jobs())
        .extracting(job -> job.jobNum() + "." + job.submissionNum())
        .containsExactly("0.2", "0.3", "1.2", "1.3");
    assertThat(runs.get(run).orElseThrow().jobs()).hasSize(8);
    assertThat(runs.get(fixture.project, "jobs").orElseThrow().jobs()).hasSize(8);
  }

  @Test
  void whatAHostSaysOutlivesTheNextRevision() {
    RunId run = accepted("live");
    writer.writeRun(view(run, 1, RunStatus.RUNNING, ""), List.of());
    JobId id = new JobId(UUID.randomUUID());
    writer.writeJob(job(id, run, 0, 0), List.of());
    PullProgress pull = new PullProgress(1, 2, 3, true);
    writer.writeJobLive(id, pull, Fixture.START);
    writer.writeJobVolumes(id, List.of("data", "models"));
    writer.writeJob(job(id, run, 2, 0, 0), List.of());
    JobViewRow shown = runs.get(run).orElseThrow().jobs().getFirst();
    assertThat(shown.ports()).containsEntry(10022, 40000);
    assertThat(shown.pull()).isEqualTo(pull);
    assertThat(shown.unusedSince()).isEqualTo(Fixture.START);
    assertThat(shown.volumeNames()).containsExactly("data", "models");
    assertThat(shown.revision()).isEqualTo(2);
  }

  /** The end of a job may be told by its run, which does not know where it was. */
  @Test
  void whereAJobWasOutlivesItsEnd() {
    RunId run = accepted("lost");
    writer.writeRun(view(run, 1, RunStatus.RUNNING, ""), List.of());
    JobId id = new JobId(UUID.randomUUID());
    writer.writeJob(job(id, run, 0, 0), List.of());
    writer.writeJob(
        new JobViewRow(
            id,
            run,
            fixture.project,
            0,
            0,
            0,
            "job",
            1_000_010,
            JobStatus.TERMINATED,
            "",
            "terminated_by_server",
            null,
            null,
            null,
            null,
            null,
            null,
            null,
            Fixture.START,
            Fixture.START,
            null,
            Fixture.START,
            Map.of(),
            null,
            null,
            List.of()),
        List.of());
    JobViewRow shown = runs.get(run).orElseThrow().jobs().getFirst();
    assertThat(shown.status()).isEqualTo(JobStatus.TERMINATED);
    assertThat(shown.placementJson()).isEqualTo("{}");
    assertThat(shown.workingDir()).isEqualTo("/x");
    assertThat(shown.ports()).containsEntry(10022, 40000);
    assertThat(shown.runningAt()).isEqualTo(Fixture.START);
  }

  @Test
  void claimsMakeAnInstanceBusy() {
    FleetId fleet = new FleetId(UUID.randomUUID());
    new Fleets(
            fixture.api,
            Encryption.of(List.of(new EncryptionKey.Aes("k", new byte[32]))),
            () -> Fixture.START)
        .create(fleet, fixture.project, null, "local", "{}", "{}");
    FleetReader fleets = new FleetReader(fixture.api);
    assertThat(fleets.get(fleet).orElseThrow().status()).isEqualTo(FleetStatus.SUBMITTED);
    InstanceId instance = new InstanceId(UUID.randomUUID());
    JobId job = new JobId(UUID.randomUUID());
    writer.writeInstance(instance(instance, fleet), List.of());

    ClaimRow claim = new ClaimRow(job, instance, 1, 2, "{\"cpus\": 1}");
    writer.writeFleet(fleet(fleet, 1, FleetStatus.ACTIVE), List.of(claim), List.of(), List.of());
    InstanceReader instances = new InstanceReader(fixture.api);
    assertThat(instances.get(instance).orElseThrow().status()).isEqualTo(InstanceStatus.BUSY);
    assertThat(instances.get(instance).orElseThrow().busyBlocks()).isOne();

    writer.writeFleet(
        fleet(fleet, 2, FleetStatus.ACTIVE),
        List.of(),
        List.of(new ViewWriter.Released(job, instance)),
        List.of());
    // A ghost of the first call, from a worker that was thought dead.
    writer.writeFleet(fleet(fleet, 1, FleetStatus.ACTIVE), List.of(claim), List.of(), List.of());
    FleetRow shown = fleets.get(fixture.project, "local").orElseThrow();
    assertThat(shown.instances()).hasSize(1);
    assertThat(shown.instances().getFirst().status()).isEqualTo(InstanceStatus.IDLE);

    writer.writeFleet(fleet(fleet, 3, FleetStatus.TERMINATED), List.of(), List.of(), List.of());
    assertThat(fleets.get(fixture.project, "local")).as("its name is free").isEmpty();
    assertThat(fleets.get(fleet).orElseThrow().deletedAt()).isNotNull();
  }

  @Test
  void keepsTheLastOffersWhenABackendFails() {
    BackendType local = BackendType.LOCAL;
    writer.writeOffers(fixture.project, local, "[1]", null, Fixture.START);
    writer.writeOffers(fixture.project, local, "[]", "down", Fixture.START.plusSeconds(1));
    OfferReader offers = new OfferReader(fixture.api);
    assertThat(offers.offers(fixture.project))
        .containsExactly(
            new OfferRow(fixture.project, local, "[1]", "down", Fixture.START.plusSeconds(1)));
    writer.removeOffersExcept(List.of(Map.entry(fixture.project, local)));
    assertThat(offers.offers(fixture.project)).hasSize(1);
    writer.removeOffersExcept(List.of());
    assertThat(offers.offers(fixture.project)).isEmpty();
  }

  private static RunQuery query(int submissions) {
    return new RunQuery(
        List.of(fixture.project), null, null, false, true, submissions, null, null, 100, false);
  }

  private static List<String> messages(EventQuery.Within within) {
    return new EventReader(fixture.api)
        .list(new EventQuery(null, null, within, null, null, null, null, 100, false)).stream()
            .map(EventRow::message)
            .toList();
  }

  private static RunId accepted(String name) {
    RunId id = new RunId(UUID.randomUUID());
    new RunSubmissions(fixture.api, Encryption.identity(), () -> Fixture.START)
        .accept(
            new NewRun(
                id,
                fixture.project,
                fixture.user,
                name,
                null,
                "{}",
                RunPrivate.NONE,
                "{}",
                0,
                Fixture.START));
    return id;
  }

  private static RunViewRow view(RunId run, long revision, RunStatus status, String message) {
    return new RunViewRow(
        run,
        fixture.project,
        revision,
        status,
        message,
        null,
        null,
        new RunViewRow.Fleet(new FleetId(new UUID(0, 1)), "main", "local"),
        Fixture.START.plusSeconds(revision),
        null,
        0,
        0);
  }

  private static NewEvent event(RunId run, long revision, String message) {
    return new NewEvent(
        Fixture.START.plusSeconds(revision),
        message,
        null,
        List.of(new NewEvent.Target("run", run.value(), "name", fixture.project)),
        new NewEvent.Source("run", run.value(), revision, 0));
  }

  private static JobViewRow job(JobId id, RunId run, int jobNum, int submission) {
    return job(id, run, 1, jobNum, submission);
  }

  private static JobViewRow job(JobId id, RunId run, long revision, int jobNum, int submission) {
    Instant at = Fixture.START.plusSeconds(submission);
    return new JobViewRow(
        id,
        run,
        fixture.project,
        0,
        jobNum,
        submission,
        "job",
        revision,
        JobStatus.RUNNING,
        "",
        null,
        null,
        null,
        null,
        "{}",
        null,
        "/x",
        "root",
        at,
        at,
        at,
        null,
        Map.of(10022, 40000),
        null,
        null,
        List.of());
  }

  private static InstanceViewRow instance(InstanceId id, FleetId fleet) {
    return new InstanceViewRow(
        id,
        fixture.project,
        fleet,
        "local",
        0,
        "local-0",
        1,
        InstanceStatus.IDLE,
        HostState.HEALTHY,
        null,
        null,
        "{}",
        "p",
        "h",
        Fixture.START,
        Fixture.START,
        null);
  }

  private static FleetViewRow fleet(FleetId id, long revision, FleetStatus status) {
    return new FleetViewRow(
        id, fixture.project, "local", revision, status, null, Fixture.START, Fixture.START);
  }
}
