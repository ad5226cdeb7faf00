package dev.dstack.workflows.run;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.fleet.Sharing;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.ids.WorkflowIds;
import dev.dstack.model.job.JobStatus;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.model.job.RetryEvent;
import dev.dstack.model.run.RunStatus;
import dev.dstack.model.run.RunTerminationReason;
import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.view.JobView;
import dev.dstack.workflows.view.RunView;
import dev.dstack.workflows.world.Plans;
import dev.dstack.workflows.world.Scripts;
import dev.dstack.workflows.world.Stage;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Runs and jobs as people see them. */
class RunWorkflowTest {
  private static final RunPlan.RetryPlan RETRY_ALL =
      new RunPlan.RetryPlan(
          Set.of(RetryEvent.NO_CAPACITY, RetryEvent.INTERRUPTION, RetryEvent.ERROR),
          Duration.ofHours(1));

  private Stage stage;
  private FleetRef fleet;

  int cacheSize() {
    return 600;
  }

  @BeforeEach
  void open() {
    stage = new Stage(cacheSize());
    stage.world.offer(Stage.offer("box", 2, 0));
    fleet = stage.startFleet("local", Stage.fleetPlan(1, 1, new Sharing.ByRequest()));
    stage.awaitReady(1);
  }

  @AfterEach
  void close() {
    stage.close();
  }

  private RunPlan plan(int nodes) {
    return Stage.plan(List.of(fleet), nodes);
  }

  private JobView job(RunId run) {
    return stage.world.jobsOf(run).getLast();
  }

  private void nothingLeft() {
    stage.await(
        "clean",
        () ->
            stage.world.taskCount() == 0
                && stage.world.claims.isEmpty()
                && !stage.world.anyAttached());
  }

  @Test
  void aTrivialRunStaysWithinTheEventBudget() {
    int before = stage.history("fleet:main:local").getEvents().size();
    RunId id = stage.submit("hello", plan(1));
    RunView end = stage.end(id, "hello");
    assertThat(end.status()).isEqualTo(RunStatus.DONE);
    assertThat(end.statusMessage()).isEqualTo("exited (0)");
    String job = WorkflowIds.job(id, 0, 0, 0);
    stage.result(job);
    nothingLeft();
    int ofRun = stage.history("run:main:hello").getEvents().size();
    int ofJob = stage.history(job).getEvents().size();
    int ofFleet = stage.history("fleet:main:local").getEvents().size() - before;
    System.out.printf(
        "history events of a one-job run: run %d + job %d + fleet %d = %d%n",
        ofRun, ofJob, ofFleet, ofRun + ofJob + ofFleet);
    assertThat(ofRun + ofJob + ofFleet).isLessThanOrEqualTo(cacheSize() == 0 ? 120 : 85);
    assertThat(stage.world.executed).containsEntry(JobId.of(id, 0, 0, 0), 1);
    assertThat(stage.world.story())
        .containsSubsequence(
            "Job assigned to instance. Instance blocks: 1/1 busy",
            "Run status changed SUBMITTED -> PROVISIONING",
            "Run status changed PROVISIONING -> RUNNING",
            "Job status changed RUNNING -> TERMINATING. Termination reason: DONE_BY_RUNNER",
            "Job status changed TERMINATING -> DONE",
            "Run status changed RUNNING -> TERMINATING. Termination reason: ALL_JOBS_DONE",
            "Run status changed TERMINATING -> DONE");
  }

  @Test
  void aRunWithALongPullStaysWithinTheEventBudget() {
    int before = stage.history("fleet:main:local").getEvents().size();
    stage.world.pullingTakes(Duration.ofMinutes(3));
    stage.world.jobsDo(new Scripts.Exits(Duration.ofMinutes(3), 0));
    RunId id = stage.submit("hello", plan(1));
    stage.await("pulling", () -> shows(id, JobStatus.PULLING));
    stage.await("running", () -> shows(id, JobStatus.RUNNING));
    assertThat(stage.world.jobsOf(id))
        .singleElement()
        .satisfies(view -> assertThat(view.ports()).containsEntry(10022, 32768));
    assertThat(stage.end(id, "hello").status()).isEqualTo(RunStatus.DONE);
    String job = WorkflowIds.job(id, 0, 0, 0);
    stage.result(job);
    nothingLeft();
    int ofRun = stage.history("run:main:hello").getEvents().size();
    int ofJob = stage.history(job).getEvents().size();
    int ofFleet = stage.history("fleet:main:local").getEvents().size() - before;
    System.out.printf(
        "history events of a one-job run with a pull: run %d + job %d + fleet %d = %d%n",
        ofRun, ofJob, ofFleet, ofRun + ofJob + ofFleet);
    assertThat(ofRun + ofJob + ofFleet).isLessThanOrEqualTo(cacheSize() == 0 ? 140 : 110);
  }

  private boolean shows(RunId id, JobStatus status) {
    return stage.world.jobsOf(id).stream().anyMatch(job -> job.status() == status);
  }

  @Test
  void whatARuleOfItsRunEndsIsTerminated() {
    stage.world.jobsDo(new Scripts.Unused(Duration.ofHours(2)));
    RunId id = stage.submit("hello", plan(1));
    assertThat(stage.end(id, "hello").status()).isEqualTo(RunStatus.FAILED);
    JobView job = stage.world.jobsOf(id).getFirst();
    assertThat(job.status()).isEqualTo(JobStatus.TERMINATED);
    assertThat(job.reason()).isEqualTo(JobTerminationReason.INACTIVITY_DURATION_EXCEEDED);
    assertThat(job.reasonMessage()).contains("nobody was there");
    nothingLeft();
  }

  @Test
  void aFailedJobFailsTheRun() {
    stage.world.jobsDo(new Scripts.Exits(Duration.ofSeconds(3), 1));
    RunId id = stage.submit("hello", plan(1));
    RunView end = stage.end(id, "hello");
    assertThat(end.status()).isEqualTo(RunStatus.FAILED);
    assertThat(end.reason()).isEqualTo(RunTerminationReason.JOB_FAILED);
    assertThat(end.statusMessage()).isEqualTo("exited (1)");
    assertThat(job(id).exitStatus()).isEqualTo(1);
    nothingLeft();
  }

  @Test
  void aStoppedRunIsTerminatedAndAnAbortedOneAborted() {
    stage.world.jobsDo(Scripts.forever());
    RunId id = stage.submit("hello", plan(1));
    stage.awaitStatus(id, RunStatus.RUNNING);
    stage.stop(id, "hello", false);
    RunView end = stage.end(id, "hello");
    assertThat(end.status()).isEqualTo(RunStatus.TERMINATED);
    assertThat(end.reason()).isEqualTo(RunTerminationReason.STOPPED_BY_USER);
    assertThat(end.statusMessage()).isEqualTo("stopped");
    assertThat(job(id).status()).isEqualTo(JobStatus.TERMINATED);

    RunId second = stage.submit("bye", plan(1));
    stage.awaitStatus(second, RunStatus.RUNNING);
    stage.stop(second, "bye", true);
    assertThat(stage.end(second, "bye").reason()).isEqualTo(RunTerminationReason.ABORTED_BY_USER);
    assertThat(job(second).status()).isEqualTo(JobStatus.ABORTED);
    nothingLeft();
  }

  @Test
  void whatIgnoresItsStopIsRemovedByForce() {
    stage.world.jobsDo(new Scripts.Ignores());
    RunId id = stage.submit("hello", plan(1));
    stage.awaitStatus(id, RunStatus.RUNNING);
    stage.stop(id, "hello", false);
    assertThat(stage.end(id, "hello").status()).isEqualTo(RunStatus.TERMINATED);
    assertThat(job(id).reasonMessage()).contains("removed by force");
    nothingLeft();
  }

  @Test
  void aStopForAnotherRunOfThatNameIsDropped() {
    stage.world.jobsDo(new Scripts.Exits(Duration.ofMinutes(1), 0));
    RunId id = stage.submit("hello", plan(1));
    stage.awaitStatus(id, RunStatus.RUNNING);
    stage.stop(new RunId(new UUID(9, 9)), "hello", true);
    assertThat(stage.end(id, "hello").status()).isEqualTo(RunStatus.DONE);
  }

  @Test
  void withoutFleetsItFails() {
    RunId id = stage.submit("hello", Stage.plan(List.of(), 1));
    RunView end = stage.end(id, "hello");
    assertThat(end.status()).isEqualTo(RunStatus.FAILED);
    assertThat(end.statusMessage()).isEqualTo("no fleets");
    assertThat(job(id).reason()).isEqualTo(JobTerminationReason.FAILED_TO_START_DUE_TO_NO_CAPACITY);
    assertThat(job(id).statusMessage()).isEqualTo("no fleets");
  }

  @Test
  void everyFleetIsAskedBeforeItFailsForLackOfCapacity() {
    FleetRef gone = new FleetRef(new FleetId(new UUID(5, 5)), "main", "gone");
    stage.world.jobsDo(Scripts.forever());
    RunId first = stage.submit("first", plan(1));
    stage.awaitStatus(first, RunStatus.RUNNING);
    RunPlan.JobPlan big = new RunPlan.JobPlan(0, 0, "big-0-0", Stage.cpus(2), List.of());
    RunPlan plan = Plans.of(List.of(gone, fleet), List.of(big)).plan();
    RunId id = stage.submit("big", plan);
    RunView end = stage.end(id, "big");
    assertThat(end.status()).isEqualTo(RunStatus.FAILED);
    assertThat(end.statusMessage()).isEqualTo("no capacity");
    assertThat(job(id).reasonMessage())
        .contains("fleet gone: does not exist")
        .contains("cpus: 1 free, asked 2");
  }

  @Test
  void withRetryItWaitsForCapacityByPriority() {
    stage.world.jobsDo(new Scripts.Exits(Duration.ofMinutes(10), 0));
    RunId first = stage.submit("first", sized(2, 0, RETRY_ALL));
    stage.awaitStatus(first, RunStatus.RUNNING);
    RunId low = stage.submit("low", sized(2, 0, RETRY_ALL));
    stage.awaitStatus(low, RunStatus.PENDING);
    assertThat(stage.world.run(low).statusMessage()).isEqualTo("waiting for capacity");
    assertThat(job(low).status()).isEqualTo(JobStatus.SUBMITTED);
    RunId high = stage.submit("high", sized(2, 50, RETRY_ALL));
    stage.awaitStatus(high, RunStatus.PENDING);
    assertThat(stage.end(first, "first").status()).isEqualTo(RunStatus.DONE);
    stage.awaitStatus(high, RunStatus.RUNNING);
    assertThat(stage.world.run(low).status()).isEqualTo(RunStatus.PENDING);
    assertThat(stage.end(high, "high").status()).isEqualTo(RunStatus.DONE);
    assertThat(stage.end(low, "low").status()).isEqualTo(RunStatus.DONE);
    nothingLeft();
  }

  /** Each attempt leaves some events; a run that fails for days must not end by their number. */
  @Test
  void aLongSeriesOfRetriesLeavesItsHistoryBehind() {
    int attempts = 100;
    stage.world.jobsDo(
        _ ->
            new Scripts.Exits(
                Duration.ofSeconds(1), stage.world.executed.size() <= attempts ? 1 : 0));
    RunPlan.RetryPlan forDays =
        new RunPlan.RetryPlan(Set.of(RetryEvent.ERROR), Duration.ofDays(30));
    RunId id = stage.submit("hello", Stage.plan(List.of(fleet), 1, forDays));
    String workflow = WorkflowIds.run("main", "hello");
    String first = stage.execution(workflow);
    assertThat(stage.end(id, "hello").status()).isEqualTo(RunStatus.DONE);
    assertThat(stage.execution(workflow)).isNotEqualTo(first);
    assertThat(stage.world.jobsOf(id)).hasSize(attempts + 1);
    assertThat(stage.world.executed.values()).containsOnly(1);
    nothingLeft();
  }

  private RunPlan sized(int cpus, int priority, RunPlan.RetryPlan retry) {
    return Plans.of(fleet, cpus).priority(priority).retry(retry).plan();
  }

  @Test
  void aRaisedPriorityCountsInTheQueue() {
    stage.world.jobsDo(new Scripts.Exits(Duration.ofMinutes(10), 0));
    RunId first = stage.submit("first", sized(2, 0, RETRY_ALL));
    stage.awaitStatus(first, RunStatus.RUNNING);
    RunId early = stage.submit("early", sized(2, 10, RETRY_ALL));
    stage.awaitStatus(early, RunStatus.PENDING);
    RunId late = stage.submit("late", sized(2, 0, RETRY_ALL));
    stage.awaitStatus(late, RunStatus.PENDING);
    stage.run("late").update(new RunUpdate(late, 90, 0));
    stage.awaitStatus(late, RunStatus.RUNNING);
    assertThat(stage.world.run(early).status()).isEqualTo(RunStatus.PENDING);
  }

  @Test
  void theWaitEnds() {
    stage.world.jobsDo(Scripts.forever());
    RunId first = stage.submit("first", sized(2, 0, null));
    stage.awaitStatus(first, RunStatus.RUNNING);
    Instant before = stage.now();
    RunId id = stage.submit("late", sized(2, 0, RETRY_ALL));
    RunView end = stage.end(id, "late");
    assertThat(end.status()).isEqualTo(RunStatus.FAILED);
    assertThat(end.reason()).isEqualTo(RunTerminationReason.RETRY_LIMIT_EXCEEDED);
    assertThat(Duration.between(before, end.at()))
        .isBetween(Duration.ofMinutes(59), Duration.ofMinutes(62));
  }

  @Test
  void aWaitingRunCanBeStopped() {
    stage.world.jobsDo(Scripts.forever());
    RunId first = stage.submit("first", sized(2, 0, null));
    stage.awaitStatus(first, RunStatus.RUNNING);
    RunId id = stage.submit("late", sized(2, 0, RETRY_ALL));
    stage.awaitStatus(id, RunStatus.PENDING);
    stage.stop(id, "late", false);
    assertThat(stage.end(id, "late").status()).isEqualTo(RunStatus.TERMINATED);
    assertThat(job(id).status()).isEqualTo(JobStatus.TERMINATED);
    assertThat(stage.fleet(fleet).state().queue()).isEmpty();
  }

  @Test
  void theFirstOfSeveralFleetsThatCanServesAWaitingRun() {
    stage.world.jobsDo(new Scripts.Exits(Duration.ofMinutes(5), 0));
    stage.world.offer(Stage.offer("crate", 2, 1));
    FleetRef other = stage.startFleet("other", Stage.fleetPlan(1, 1, new Sharing.Whole()));
    stage.awaitReady(2);
    RunId a = stage.submit("a", sized(2, 0, null));
    stage.awaitStatus(a, RunStatus.RUNNING);
    RunId b = stage.submit("b", Stage.plan(List.of(other), 1));
    stage.awaitStatus(b, RunStatus.RUNNING);
    RunId id = stage.submit("c", Stage.plan(List.of(other, fleet), 1, RETRY_ALL));
    stage.awaitStatus(id, RunStatus.PENDING);
    assertThat(stage.end(id, "c").status()).isEqualTo(RunStatus.DONE);
    nothingLeft();
    assertThat(stage.fleet(fleet).state().queue()).isEmpty();
    assertThat(stage.fleet(other).state().queue()).isEmpty();
  }

  @Test
  void errorsAreRetriedWithGrowingPauses() {
    stage.world.jobsDo(
        job -> new Scripts.Exits(Duration.ofSeconds(1), stage.world.executed.size() < 3 ? 1 : 0));
    RunId id = stage.submit("hello", Stage.plan(List.of(fleet), 1, RETRY_ALL));
    stage.awaitStatus(id, RunStatus.PENDING);
    assertThat(stage.world.run(id).statusMessage()).isEqualTo("retrying");
    assertThat(stage.end(id, "hello").status()).isEqualTo(RunStatus.DONE);
    List<JobView> jobs = stage.world.jobsOf(id);
    assertThat(jobs).extracting(JobView::submissionNum).containsExactly(0, 1, 2);
    assertThat(jobs)
        .extracting(JobView::status)
        .containsExactly(JobStatus.FAILED, JobStatus.FAILED, JobStatus.DONE);
    assertThat(Duration.between(jobs.get(0).finishedAt(), jobs.get(1).submittedAt()))
        .isGreaterThanOrEqualTo(Duration.ofSeconds(15));
    assertThat(Duration.between(jobs.get(1).finishedAt(), jobs.get(2).submittedAt()))
        .isGreaterThanOrEqualTo(Duration.ofSeconds(30));
    nothingLeft();
  }

  @Test
  void aGangIsPlacedTogetherAndRestartedTogether() {
    stage.world.offer(Stage.offer("crate", 2, 1));
    FleetRef pair = stage.startFleet("pair", Stage.fleetPlan(2, 2, new Sharing.Whole()));
    stage.awaitReady(3);
    stage.world.jobsDo(
        job ->
            stage.world.executed.size() == 1
                ? new Scripts.Exits(Duration.ofSeconds(5), 1)
                : stage.world.executed.size() == 2
                    ? Scripts.forever()
                    : new Scripts.Exits(Duration.ofSeconds(5), 0));
    RunId id = stage.submit("gang", Stage.plan(List.of(pair), 2, RETRY_ALL));
    assertThat(stage.end(id, "gang").status()).isEqualTo(RunStatus.DONE);
    assertThat(stage.world.jobsOf(id)).hasSize(4);
    assertThat(stage.world.jobsOf(id).subList(2, 4))
        .allMatch(job -> job.submissionNum() == 1 && job.status() == JobStatus.DONE);
    nothingLeft();
  }

  @Test
  void aGangThatDoesNotFitTakesNothing() {
    RunId id = stage.submit("gang", plan(2));
    assertThat(stage.end(id, "gang").status()).isEqualTo(RunStatus.FAILED);
    assertThat(stage.world.claims).isEmpty();
    assertThat(stage.world.executed).isEmpty();
  }

  @Test
  void maxDurationIsEnforcedByTheServerWhereTheAgentDoesNot() {
    stage.world.jobsDo(Scripts.forever());
    RunPlan plan = Plans.of(fleet, 1).maxDuration(Duration.ofMinutes(5)).plan();
    RunId id = stage.submit("hello", plan);
    RunView end = stage.end(id, "hello");
    assertThat(end.status()).isEqualTo(RunStatus.FAILED);
    assertThat(job(id).reason()).isEqualTo(JobTerminationReason.MAX_DURATION_EXCEEDED);
    assertThat(job(id).status()).isEqualTo(JobStatus.TERMINATED);
  }

  @Test
  void aSilentHostEndsTheJob() {
    stage.world.jobsDo(Scripts.forever());
    RunId id = stage.submit("hello", plan(1));
    stage.awaitStatus(id, RunStatus.RUNNING);
    stage.world.breakDown(true);
    RunView end = stage.end(id, "hello");
    assertThat(end.status()).isEqualTo(RunStatus.FAILED);
    assertThat(job(id).reason()).isEqualTo(JobTerminationReason.INSTANCE_UNREACHABLE);
    assertThat(stage.world.story()).anyMatch(text -> text.contains("left something behind"));
  }

  @Test
  void aHostThatForgotTheTaskEndsTheJob() {
    stage.world.jobsDo(Scripts.forever());
    RunId id = stage.submit("hello", plan(1));
    stage.awaitStatus(id, RunStatus.RUNNING);
    stage.world.wipe();
    assertThat(stage.end(id, "hello").status()).isEqualTo(RunStatus.FAILED);
    assertThat(job(id).reasonMessage()).contains("does not know the task");
  }

  @Test
  void aMissingSecretIsNotRetried() {
    stage.world.submitFails = ErrorKind.SECRET_NOT_FOUND;
    RunId id = stage.submit("hello", Stage.plan(List.of(fleet), 1, RETRY_ALL));
    assertThat(stage.end(id, "hello").status()).isEqualTo(RunStatus.FAILED);
    assertThat(job(id).reason()).isEqualTo(JobTerminationReason.TERMINATED_BY_SERVER);
    assertThat(job(id).reasonMessage()).contains("submission refused");
    nothingLeft();
  }

  @Test
  void aDatabaseThatIsAwayDelaysAndLosesNothing() {
    stage.world.jobsDo(new Scripts.Exits(Duration.ofSeconds(30), 0));
    RunId id = stage.submit("hello", plan(1));
    stage.awaitStatus(id, RunStatus.RUNNING);
    stage.world.databaseDown = true;
    stage.pass(Duration.ofMinutes(10));
    stage.world.databaseDown = false;
    assertThat(stage.end(id, "hello").status()).isEqualTo(RunStatus.DONE);
    assertThat(job(id).status()).isEqualTo(JobStatus.DONE);
    nothingLeft();
  }

  @Test
  void aScheduledRunRunsAgainUntilItIsStopped() {
    RunPlan plan = Plans.of(fleet, 1).cron("*/10 * * * *").plan();
    RunId id = stage.submit("cron", plan);
    stage.awaitStatus(id, RunStatus.PENDING);
    assertThat(stage.world.run(id).nextTriggeredAt()).isAfter(stage.now());
    stage.await("three executions", () -> stage.world.executed.size() == 3);
    stage.await(
        "waiting for the fourth", () -> stage.world.runs.get(id).status() == RunStatus.PENDING);
    stage.stop(id, "cron", false);
    assertThat(stage.end(id, "cron").status()).isEqualTo(RunStatus.TERMINATED);
    assertThat(stage.world.jobsOf(id)).extracting(JobView::submissionNum).contains(0, 1, 2);
    nothingLeft();
  }

  @Test
  void aSecondExecutionOfThatNameMayFollow() {
    RunId first = stage.submit("hello", plan(1));
    stage.end(first, "hello");
    RunId second = stage.submit(new RunId(new UUID(3, 3)), "hello", plan(1));
    assertThat(stage.end(second, "hello").status()).isEqualTo(RunStatus.DONE);
  }
}
