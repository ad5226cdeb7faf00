package dev.dstack.workflows.job;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.agent.TaskExit;
import dev.dstack.model.agent.TaskStatus;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.job.JobStatus;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.fleet.Placement;
import dev.dstack.workflows.job.JobState.Phase;
import dev.dstack.workflows.world.Stage;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/** A job ends once, in order, whatever happens to it; and for the right reason. */
class JobDeciderTest {
  private static final Instant T0 = Instant.parse("2026-01-01T00:00:00Z");
  private static final RunId RUN = new RunId(new UUID(1, 1));

  private static JobInput input(boolean spot, List<String> volumes) {
    Offer offer = Stage.offer(BackendType.LOCAL, "box", 4, 0, spot);
    JobId id = JobId.of(RUN, 0, 0, 0);
    FleetRef fleet = new FleetRef(new FleetId(new UUID(1, 2)), "main", "f");
    Placement placement =
        Placement.whole(id, new InstanceId(new UUID(1, 3)), "f-0", 0, fleet, offer);
    return new JobInput(
        id,
        RUN,
        "run:main:hello",
        Stage.PROJECT,
        "main",
        "hello",
        "ann",
        0,
        0,
        0,
        "hello-0-0",
        T0,
        placement,
        Duration.ofSeconds(30),
        Duration.ofHours(1),
        volumes);
  }

  private static JobEvent any(Random random, Instant now) {
    return switch (random.nextInt(14)) {
      case 0 -> new JobEvent.Attached();
      case 1 -> new JobEvent.AttachFailed("no such volume");
      case 2, 3 ->
          new JobEvent.News(
              new TaskNews.Phase(
                  random.nextInt(5),
                  TaskStatus.values()[random.nextInt(4)],
                  null,
                  "/home/job",
                  "nobody",
                  random.nextBoolean() ? Map.of() : Map.of(10022, 32768)));
      case 4 ->
          new JobEvent.News(
              new TaskNews.Exited(
                  new TaskExit(JobTerminationReason.DONE_BY_RUNNER, 0, ""),
                  null,
                  null,
                  null,
                  null));
      case 5 -> new JobEvent.News(new TaskNews.Unknown());
      case 6 -> new JobEvent.News(new TaskNews.HostUnreachable("silent"));
      case 7 ->
          new JobEvent.SubmitFailed(
              ErrorKind.values()[random.nextInt(ErrorKind.values().length)], "no");
      case 8 -> new JobEvent.SubmitCanceled();
      case 9 -> new JobEvent.WatchFailed("refused");
      case 10, 11 ->
          new JobEvent.StopAsked(
              new JobStop(
                  JobTerminationReason.TERMINATED_BY_USER,
                  "stopped by ann",
                  random.nextBoolean() ? Duration.ZERO : Duration.ofSeconds(30)));
      case 12 ->
          new JobEvent.News(
              new TaskNews.ShouldEnd(
                  JobTerminationReason.INACTIVITY_DURATION_EXCEEDED, "nobody for 1h"));
      default -> new JobEvent.Tick(now);
    };
  }

  @Property(tries = 1_000)
  void itEndsOnceAndInOrder(@ForAll long seed) {
    Random random = new Random(seed);
    JobInput input = input(random.nextBoolean(), random.nextBoolean() ? List.of("v") : List.of());
    JobState state = JobState.initial();
    List<JobCommand> commands = new ArrayList<>();
    Instant now = T0;
    long revision = state.revision();
    List<JobEvent> events = new ArrayList<>(List.of(new JobEvent.Begin()));
    for (int i = 0; i < 25; i++) {
      events.add(any(random, now.plusSeconds(60L * i)));
    }
    events.add(
        new JobEvent.StopAsked(
            new JobStop(JobTerminationReason.ABORTED_BY_USER, "", Duration.ZERO)));
    events.add(new JobEvent.Attached());
    events.add(new JobEvent.SubmitCanceled());
    events.add(new JobEvent.News(new TaskNews.Unknown()));
    for (JobEvent event : events) {
      now = event instanceof JobEvent.Tick(Instant at) ? at : now.plusSeconds(1);
      boolean wasEnded = state.phase() == Phase.ENDED;
      JobDecider.Decision decision = JobDecider.decide(input, state, event, now);
      assertThat(wasEnded && !decision.commands().isEmpty()).isFalse();
      state = decision.state();
      for (JobCommand command : decision.commands()) {
        if (command instanceof JobCommand.Show show) {
          assertThat(show.view().revision()).isGreaterThan(revision);
          revision = show.view().revision();
        }
      }
      commands.addAll(decision.commands());
    }
    assertThat(state.phase()).isEqualTo(Phase.CLEANING);
    JobDecider.Decision end = JobDecider.decide(input, state, new JobEvent.Cleaned(List.of()), now);
    commands.addAll(end.commands());
    assertThat(end.state().phase()).isEqualTo(Phase.ENDED);
    assertThat(end.state().status().isFinal()).isTrue();
    assertThat(commands.stream().filter(JobCommand.CleanUp.class::isInstance)).hasSize(1);
    assertThat(commands.stream().filter(JobCommand.Submit.class::isInstance)).hasSizeLessThan(2);
    List<JobReport> told =
        commands.stream()
            .filter(JobCommand.Tell.class::isInstance)
            .map(one -> ((JobCommand.Tell) one).report())
            .toList();
    assertThat(told.stream().filter(report -> report.status().isFinal())).hasSize(1);
    assertThat(told.getLast().status().isFinal()).isTrue();
  }

  /** Running, then this event. */
  private static JobState after(JobInput input, JobEvent event) {
    JobState state = JobDecider.decide(input, JobState.initial(), new JobEvent.Begin(), T0).state();
    TaskNews running = new TaskNews.Phase(1, TaskStatus.RUNNING, T0, null, null);
    state = JobDecider.decide(input, state, new JobEvent.News(running), T0).state();
    state = JobDecider.decide(input, state, event, T0.plusSeconds(1)).state();
    return JobDecider.decide(input, state, new JobEvent.Cleaned(List.of()), T0.plusSeconds(2))
        .state();
  }

  @Example
  void reasonsAndStatuses() {
    record Row(boolean spot, JobEvent event, JobTerminationReason reason, JobStatus status) {}
    TaskNews lost = new TaskNews.HostUnreachable("silent");
    List<Row> rows =
        List.of(
            new Row(
                false,
                new JobEvent.News(lost),
                JobTerminationReason.INSTANCE_UNREACHABLE,
                JobStatus.FAILED),
            new Row(
                true,
                new JobEvent.News(lost),
                JobTerminationReason.INTERRUPTED_BY_NO_CAPACITY,
                JobStatus.FAILED),
            new Row(
                false,
                new JobEvent.News(new TaskNews.Unknown()),
                JobTerminationReason.INSTANCE_UNREACHABLE,
                JobStatus.FAILED),
            new Row(
                false,
                exited(JobTerminationReason.DONE_BY_RUNNER, 0),
                JobTerminationReason.DONE_BY_RUNNER,
                JobStatus.DONE),
            new Row(
                false,
                exited(JobTerminationReason.CONTAINER_EXITED_WITH_ERROR, 3),
                JobTerminationReason.CONTAINER_EXITED_WITH_ERROR,
                JobStatus.FAILED),
            new Row(
                false,
                exited(JobTerminationReason.MAX_DURATION_EXCEEDED, 143),
                JobTerminationReason.MAX_DURATION_EXCEEDED,
                JobStatus.TERMINATED));
    for (Row row : rows) {
      JobState end = after(input(row.spot(), List.of()), row.event());
      assertThat(end.reason()).isEqualTo(row.reason());
      assertThat(end.status()).isEqualTo(row.status());
    }
  }

  /** Attaching may wait for minutes for another run: a stop does not. */
  @Example
  void aStopWhileVolumesAreAttachedGivesThemAMomentAndCallsThemOff() {
    JobInput input = input(false, List.of("v"));
    JobState state = JobDecider.decide(input, JobState.initial(), new JobEvent.Begin(), T0).state();
    assertThat(state.deadline()).isNull();
    JobStop stop =
        new JobStop(JobTerminationReason.TERMINATED_BY_USER, "stopped by ann", Duration.ZERO);
    JobDecider.Decision stopped =
        JobDecider.decide(input, state, new JobEvent.StopAsked(stop), T0.plusSeconds(1));
    assertThat(stopped.commands()).noneMatch(JobCommand.CancelAttach.class::isInstance);
    Instant patience = stopped.state().deadline();
    assertThat(patience).isEqualTo(T0.plusSeconds(1).plus(JobDecider.SUBMIT_PATIENCE));

    Instant early = patience.minusMillis(1);
    assertThat(
            JobDecider.decide(input, stopped.state(), new JobEvent.Tick(early), early).commands())
        .isEmpty();
    JobDecider.Decision calledOff =
        JobDecider.decide(input, stopped.state(), new JobEvent.Tick(patience), patience);
    assertThat(calledOff.commands()).containsExactly(new JobCommand.CancelAttach());
    assertThat(calledOff.state().deadline()).as("once").isNull();

    for (JobEvent answer :
        List.of(new JobEvent.AttachFailed("canceled"), new JobEvent.Attached())) {
      JobDecider.Decision end = JobDecider.decide(input, calledOff.state(), answer, patience);
      assertThat(end.state().phase()).isEqualTo(Phase.CLEANING);
      assertThat(end.state().reason()).isEqualTo(JobTerminationReason.TERMINATED_BY_USER);
      assertThat(end.commands())
          .anyMatch(JobCommand.CleanUp.class::isInstance)
          .noneMatch(JobCommand.Submit.class::isInstance);
    }
  }

  private static JobEvent exited(JobTerminationReason reason, int exitStatus) {
    TaskExit exit = new TaskExit(reason, exitStatus, "");
    return new JobEvent.News(new TaskNews.Exited(exit, T0, T0, null, null));
  }
}
