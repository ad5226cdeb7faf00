package dev.dstack.workflows.run;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.config.Cron;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.job.JobStatus;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.model.job.RetryEvent;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.run.RunStatus;
import dev.dstack.model.run.RunTerminationReason;
import dev.dstack.model.wire.configuration.StartupOrder;
import dev.dstack.model.wire.configuration.StopCriteria;
import dev.dstack.workflows.fleet.FleetAnswer;
import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.fleet.Placement;
import dev.dstack.workflows.fleet.ReserveRequest;
import dev.dstack.workflows.job.JobReport;
import dev.dstack.workflows.support.DataConverters;
import dev.dstack.workflows.world.Plans;
import dev.dstack.workflows.world.Stage;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.jspecify.annotations.Nullable;

/** A run starts each job once, gives back what it was given, and ends. */
class RunDeciderTest {
  private static final Instant T0 = Instant.parse("2026-01-01T00:00:00Z");
  private static final List<FleetRef> FLEETS =
      List.of(
          new FleetRef(new FleetId(new UUID(1, 1)), "main", "a"),
          new FleetRef(new FleetId(new UUID(1, 2)), "main", "b"));

  /** Fleets and jobs that answer in any order, twice, or not at all. */
  static final class Simulation {
    final Random random;
    final RunInput input;
    RunState state;
    Instant now = T0;
    long revision;
    final List<RunCommand.Ask> asks = new ArrayList<>();
    final Map<String, FleetRef> holding = new LinkedHashMap<>();
    final Set<String> granted = new HashSet<>();

    /** A fleet that was told that a request is over grants it no more. */
    final Set<String> closed = new HashSet<>();

    final Map<JobId, RunCommand.StartJob> alive = new LinkedHashMap<>();
    final Set<JobId> started = new HashSet<>();
    final Map<JobId, Long> seqs = new HashMap<>();
    final Set<JobId> stopping = new HashSet<>();

    Simulation(long seed, boolean scheduled) {
      random = new Random(seed);
      int replicas = 1 + random.nextInt(2);
      int nodes = 1 + random.nextInt(2);
      List<RunPlan.JobPlan> jobs = new ArrayList<>();
      for (int replica = 0; replica < replicas; replica++) {
        for (int node = 0; node < nodes; node++) {
          jobs.add(
              new RunPlan.JobPlan(
                  replica, node, "r-" + replica + "-" + node, Stage.cpus(1), List.of()));
        }
      }
      RunPlan.RetryPlan retry =
          random.nextBoolean()
              ? null
              : new RunPlan.RetryPlan(
                  random.nextBoolean()
                      ? Set.of(RetryEvent.values())
                      : Set.of(RetryEvent.values()[random.nextInt(3)]),
                  Duration.ofMinutes(30));
      RunPlan plan =
          Plans.of(FLEETS.subList(0, random.nextInt(3)), jobs)
              .retry(retry)
              .cron(scheduled ? new String[] {"*/10 * * * *"} : new String[0])
              .plan();
      if (nodes > 1 && random.nextInt(3) > 0) {
        plan =
            plan.withNodes(
                new RunPlan.NodesPlan(
                    StartupOrder.values()[random.nextInt(3)],
                    StopCriteria.values()[random.nextInt(2)]));
      }
      input =
          RunInput.first(
              new RunId(new UUID(2, 2)), Stage.PROJECT, "main", "r", Stage.USER, "ann", T0, plan);
      state = RunState.initial(input);
      feed(new RunEvent.Begin());
    }

    void feed(RunEvent event) {
      boolean wasFinal = state.status().isFinal();
      RunDecider.Decision decision =
          RunDecider.decide(
              input,
              state,
              event,
              event instanceof RunEvent.Tick(Instant at) ? at : now,
              Cron::nextAfter);
      assertThat(wasFinal && !decision.commands().isEmpty()).isFalse();
      state = decision.state();
      decision.commands().forEach(this::obey);
      Instant due = RunDecider.deadline(state);
      if (event instanceof RunEvent.Tick(Instant at)) {
        assertThat(due == null || due.isAfter(at)).as("told twice: %s %s", due, state).isTrue();
      }
    }

    private void obey(RunCommand command) {
      switch (command) {
        case RunCommand.Ask ask -> asks.add(ask);
        case RunCommand.StartJob start -> {
          assertThat(started.add(start.job().id())).as("a job starts once").isTrue();
          alive.put(start.job().id(), start);
        }
        case RunCommand.StopJob stop ->
            alive.values().stream()
                .filter(
                    job ->
                        stop.jobWorkflowId()
                            .endsWith(
                                job.job().replicaNum()
                                    + "."
                                    + job.job().jobNum()
                                    + "."
                                    + job.job().submissionNum()))
                .forEach(job -> stopping.add(job.job().id()));
        case RunCommand.ShowJob _, RunCommand.ShowJobs _ -> {
          // Guarded by its own revisions.
        }
        case RunCommand.Show show -> {
          assertThat(show.view().revision()).isGreaterThan(revision);
          revision = show.view().revision();
        }
        case RunCommand.Release release -> {
          if (release.request().requestId() == null) {
            holding.values().removeIf(release.fleet()::equals);
            asks.stream()
                .filter(ask -> ask.fleet().equals(release.fleet()))
                .forEach(ask -> closed.add(key(ask)));
          } else if (release.request().jobs().isEmpty()) {
            String key = release.fleet().name() + " " + release.request().requestId();
            holding.remove(key);
            closed.add(key);
          }
        }
      }
    }

    void step() {
      now = now.plusSeconds(random.nextInt(200));
      switch (random.nextInt(8)) {
        case 0, 1, 2 -> answer();
        case 3, 4, 5 -> report();
        case 6 -> {
          if (random.nextInt(40) == 0) {
            feed(new RunEvent.StopAsked(new RunStop(input.id(), random.nextBoolean(), "ann")));
          } else if (random.nextInt(4) == 0) {
            feed(new RunEvent.Updated(new RunUpdate(input.id(), random.nextInt(100), 0)));
          }
        }
        default -> tick();
      }
    }

    private void tick() {
      Instant due = RunDecider.deadline(state);
      if (due != null) {
        now = due.isAfter(now) ? due : now;
        feed(new RunEvent.Tick(due));
      }
    }

    private void answer() {
      if (asks.isEmpty()) {
        return;
      }
      RunCommand.Ask ask = asks.get(random.nextInt(asks.size()));
      ReserveRequest request = ask.request();
      String key = key(ask);
      List<FleetAnswer.Refusal> why = List.of(new FleetAnswer.Refusal("fleet", "is full"));
      FleetAnswer answer =
          switch (random.nextInt(4)) {
            // What a fleet has granted it does not refuse, nor the other way round.
            case 0 -> {
              if (granted.contains(key)) {
                yield granted(ask);
              }
              closed.add(key);
              yield new FleetAnswer.Refused(request.requestId(), ask.fleet(), why);
            }
            case 1 ->
                new FleetAnswer.Queued(request.requestId(), ask.fleet(), why, random.nextBoolean());
            default -> {
              if (!granted.contains(key) && closed.contains(key)) {
                yield new FleetAnswer.Refused(request.requestId(), ask.fleet(), why);
              }
              if (granted.add(key)) {
                holding.put(key, ask.fleet());
              }
              yield granted(ask);
            }
          };
      feed(new RunEvent.Answered(answer));
    }

    private static String key(RunCommand.Ask ask) {
      return ask.fleet().name() + " " + ask.request().requestId();
    }

    private static FleetAnswer granted(RunCommand.Ask ask) {
      Offer offer = Stage.offer("box", 4, 0);
      List<Placement> placements =
          ask.request().wanted().stream()
              .map(
                  wanted ->
                      Placement.whole(
                          wanted.job(),
                          new InstanceId(new UUID(3, 3)),
                          "a-0",
                          0,
                          ask.fleet(),
                          offer))
              .toList();
      return new FleetAnswer.Granted(ask.request().requestId(), ask.fleet(), placements);
    }

    private void report() {
      if (alive.isEmpty()) {
        return;
      }
      List<JobId> ids = List.copyOf(alive.keySet());
      JobId id = ids.get(random.nextInt(ids.size()));
      boolean ends = stopping.contains(id) || random.nextInt(2) == 0;
      if (!ends) {
        feed(new RunEvent.Reported(report(id, JobStatus.RUNNING, null)));
        return;
      }
      JobTerminationReason[] reasons = JobTerminationReason.values();
      JobTerminationReason reason =
          random.nextInt(3) == 0
              ? reasons[random.nextInt(reasons.length)]
              : JobTerminationReason.DONE_BY_RUNNER;
      JobReport last = report(id, reason.finalStatus(), reason);
      if (random.nextInt(10) == 0) {
        feed(new RunEvent.JobClosed(id));
      } else {
        feed(new RunEvent.Reported(last));
        feed(new RunEvent.Reported(last));
      }
      alive.remove(id);
    }

    private JobReport report(JobId id, JobStatus status, @Nullable JobTerminationReason reason) {
      var job = alive.get(id).job();
      return new JobReport(
          id,
          job.replicaNum(),
          job.jobNum(),
          job.submissionNum(),
          seqs.merge(id, 1L, Long::sum),
          status,
          reason,
          "",
          null);
    }

    /** Nobody is unwilling any more. */
    void end() {
      feed(new RunEvent.StopAsked(new RunStop(input.id(), true, "ann")));
      for (JobId id : List.copyOf(alive.keySet())) {
        feed(
            new RunEvent.Reported(
                report(id, JobStatus.ABORTED, JobTerminationReason.ABORTED_BY_USER)));
        alive.remove(id);
      }
      assertThat(state.status().isFinal()).isTrue();
      assertThat(holding).as("granted and not given back").isEmpty();
    }
  }

  @Property(tries = 600)
  void aRunEndsAndKeepsNothing(@ForAll long seed) {
    Simulation simulation = new Simulation(seed, seed % 5 == 0);
    for (int i = 0; i < 80; i++) {
      simulation.step();
    }
    simulation.end();
  }

  @Property(tries = 30)
  void theStateSurvivesItsJson(@ForAll long seed) {
    Simulation simulation = new Simulation(seed, seed % 5 == 0);
    for (int i = 0; i < 20; i++) {
      simulation.step();
    }
    var payload = DataConverters.create().toPayload(simulation.state).orElseThrow();
    RunState read = DataConverters.create().fromPayload(payload, RunState.class, RunState.class);
    assertThat(read).isEqualTo(simulation.state);
  }

  @Example
  void reasonsDecideTheFinalStatus() {
    for (RunTerminationReason reason : RunTerminationReason.values()) {
      assertThat(RunStatus.TERMINATING.canBecome(reason.finalStatus())).isTrue();
    }
  }
}
