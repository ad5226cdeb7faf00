package dev.dstack.workflows.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.fleet.FleetStatus;
import dev.dstack.model.fleet.Sharing;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.ids.WorkflowIds;
import dev.dstack.model.instance.InstanceTerminationReason;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.offer.Requirements;
import dev.dstack.workflows.instance.InstanceReport;
import dev.dstack.workflows.support.DataConverters;
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
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

/** Whatever comes in whatever order: capacity is never given twice, and nobody is forgotten. */
class FleetDeciderTest {
  private static final Instant T0 = Instant.parse("2026-01-01T00:00:00Z");

  /** A fleet with a world that answers its commands, some time later or never. */
  static final class Simulation {
    final Random random;
    final FleetInput input;
    FleetState state;
    Instant now = T0;
    final Map<String, ReserveRequest> asked = new LinkedHashMap<>();
    final Map<String, FleetAnswer> lastAnswer = new HashMap<>();
    final Map<String, List<Placement>> held = new LinkedHashMap<>();
    final Set<String> over = new HashSet<>();
    final Map<InstanceId, Long> seqs = new HashMap<>();
    final List<FleetCommand.StartInstance> creating = new ArrayList<>();
    final Set<InstanceId> ready = new HashSet<>();
    final Set<InstanceId> doomed = new HashSet<>();
    boolean offersAsked;
    int serial;
    long revision;

    Simulation(long seed, Sharing sharing, int min, int max) {
      random = new Random(seed);
      FleetPlan plan =
          new FleetPlan(
              BackendType.SCRIPTED, min, min, max, Stage.cpus(1), sharing, Duration.ofMinutes(30));
      input =
          FleetInput.first(
              new FleetId(new UUID(1, 1)), new ProjectId(new UUID(1, 2)), "main", "f", T0, plan);
      state = FleetState.initial(plan);
      feed(new FleetEvent.Begin());
    }

    void feed(FleetEvent... events) {
      FleetDecider.Decision decision = FleetDecider.decide(input, state, List.of(events), now);
      state = decision.state();
      if (decision.view() != null) {
        assertThat(decision.view().revision()).isGreaterThan(revision);
        revision = decision.view().revision();
      }
      decision.commands().forEach(this::obey);
      check();
    }

    private void obey(FleetCommand command) {
      switch (command) {
        case FleetCommand.Answer(String _, FleetAnswer answer) -> {
          String id = answer.requestId();
          assertThat(over).as("answers to requests that are over").doesNotContain(id);
          lastAnswer.put(id, answer);
          switch (answer) {
            case FleetAnswer.Granted granted -> {
              ReserveRequest request = asked.get(id);
              assertThat(granted.placements())
                  .extracting(Placement::job)
                  .containsExactlyInAnyOrderElementsOf(
                      request.wanted().stream().map(ReserveRequest.Wanted::job).toList());
              assertThat(granted.placements())
                  .extracting(Placement::instance)
                  .doesNotHaveDuplicates();
              assertThat(held).doesNotContainKey(id);
              held.put(id, granted.placements());
            }
            case FleetAnswer.Refused _ -> over.add(id);
            case FleetAnswer.Queued _ -> {
              // The outcome comes later.
            }
          }
        }
        case FleetCommand.StartInstance start -> creating.add(start);
        case FleetCommand.TerminateInstance terminate -> {
          assertThat(held.values().stream().flatMap(List::stream))
              .as("nothing is terminated under a claim")
              .noneMatch(placement -> placement.instance().equals(terminate.id()));
          doomed.add(terminate.id());
        }
        case FleetCommand.FindOffers _ -> {
          assertThat(offersAsked).as("one question at a time").isFalse();
          offersAsked = true;
        }
        case FleetCommand.FindClosed _ -> {
          // Everybody is alive.
        }
        case FleetCommand.StopJob _ -> throw new AssertionError("no job lacks its run");
      }
    }

    private void check() {
      Map<InstanceId, Double> cpus = new HashMap<>();
      Map<InstanceId, Integer> blocks = new HashMap<>();
      Map<InstanceId, Integer> claims = new HashMap<>();
      Map<InstanceId, Placement> sample = new HashMap<>();
      for (List<Placement> placements : held.values()) {
        for (Placement placement : placements) {
          cpus.merge(placement.instance(), placement.taken().cpus(), Double::sum);
          blocks.merge(placement.instance(), placement.blocks(), Integer::sum);
          claims.merge(placement.instance(), 1, Integer::sum);
          sample.put(placement.instance(), placement);
        }
      }
      sample.forEach(
          (instance, placement) -> {
            double all = placement.offer().resources().cpus();
            assertThat(cpus.get(instance)).as("cpus of %s", instance).isLessThanOrEqualTo(all);
            switch (state.plan().sharing()) {
              case Sharing.Whole _ -> assertThat(claims.get(instance)).isEqualTo(1);
              case Sharing.Blocks(int total) ->
                  assertThat(blocks.get(instance)).isLessThanOrEqualTo(total);
              case Sharing.ByRequest _ -> {
                // The cpus say it.
              }
              case Sharing.AutoBlocks _ -> throw new AssertionError("not in this simulation");
            }
          });
      assertThat(state.grants().size()).isEqualTo(held.size());
      for (FleetState.Waiting waiting : state.queue()) {
        assertThat(held).doesNotContainKey(waiting.request().requestId());
      }
      Set<String> known = new HashSet<>(held.keySet());
      state.queue().forEach(waiting -> known.add(waiting.request().requestId()));
      for (String id : asked.keySet()) {
        assertThat(over.contains(id) || known.contains(id)).as("%s is forgotten", id).isTrue();
      }
      long live =
          state.instances().stream()
              .filter(slot -> slot.state() != FleetState.Slotted.TERMINATING)
              .count();
      Integer max = state.plan().nodesMax();
      assertThat(live).isLessThanOrEqualTo(max == null ? FleetDecider.MAX_INSTANCES : max);
    }

    void step() {
      now = now.plusSeconds(random.nextInt(120));
      switch (random.nextInt(12)) {
        case 0, 1, 2 -> reserve();
        case 3, 4 -> release();
        case 5 -> {
          if (offersAsked) {
            offersAsked = false;
            feed(
                random.nextInt(6) == 0
                    ? new FleetEvent.OffersFailed("away")
                    : new FleetEvent.OffersFound(List.of(offer("a", 2, 1), offer("b", 4, 2))));
          }
        }
        case 6, 7 -> {
          if (!creating.isEmpty()) {
            FleetCommand.StartInstance one = creating.remove(random.nextInt(creating.size()));
            if (random.nextInt(4) == 0) {
              feed(
                  new FleetEvent.Reported(
                      new InstanceReport.Failed(
                          one.id(), seq(one.id()), ErrorKind.NO_CAPACITY, "none left")));
            } else {
              ready.add(one.id());
              feed(
                  new FleetEvent.Reported(
                      new InstanceReport.Ready(one.id(), seq(one.id()), one.offer(), "h")));
            }
          }
        }
        case 8 -> {
          if (!ready.isEmpty() && random.nextInt(3) == 0) {
            InstanceId one = ready.iterator().next();
            InstanceReport report = new InstanceReport.Unreachable(one, seq(one), "silent");
            feed(new FleetEvent.Reported(report), new FleetEvent.Reported(report));
          }
        }
        case 9 -> {
          for (InstanceId one : Set.copyOf(doomed)) {
            doomed.remove(one);
            ready.remove(one);
            creating.removeIf(start -> start.id().equals(one));
            feed(
                new FleetEvent.Reported(
                    new InstanceReport.Gone(
                        one, seq(one), InstanceTerminationReason.IDLE_TIMEOUT)));
          }
        }
        default -> {
          Instant due = FleetDecider.deadline(state);
          if (due != null && !due.isAfter(now)) {
            feed(new FleetEvent.Tick(due));
            Instant next = FleetDecider.deadline(state);
            assertThat(next == null || next.isAfter(due) || !next.equals(due))
                .as("a deadline that was told is done with")
                .isTrue();
          }
        }
      }
    }

    private long seq(InstanceId id) {
      return seqs.merge(id, 1L, Long::sum);
    }

    private void reserve() {
      RunId run = new RunId(new UUID(42, serial++));
      int nodes = random.nextInt(5) == 0 ? 2 : 1;
      List<ReserveRequest.Wanted> wanted = new ArrayList<>();
      Requirements requirements = Stage.cpus(1 + random.nextInt(3));
      for (int node = 0; node < nodes; node++) {
        wanted.add(
            new ReserveRequest.Wanted(
                JobId.of(run, 0, node, 0),
                "job-0-" + node,
                WorkflowIds.job(run, 0, node, 0),
                requirements));
      }
      ReserveRequest request =
          new ReserveRequest(
              run + "/0.0",
              "run:main:r" + serial,
              run,
              "r" + serial,
              random.nextInt(3),
              now,
              wanted,
              random.nextBoolean() ? null : now.plusSeconds(600 + random.nextInt(3600)),
              random.nextInt(4) != 0);
      asked.put(request.requestId(), request);
      if (random.nextInt(5) == 0) {
        feed(new FleetEvent.Reserve(request), new FleetEvent.Reserve(request));
      } else {
        feed(new FleetEvent.Reserve(request));
      }
    }

    private void release() {
      List<String> ids = List.copyOf(random.nextInt(4) == 0 ? asked.keySet() : held.keySet());
      if (ids.isEmpty()) {
        return;
      }
      String id = ids.get(random.nextInt(ids.size()));
      ReserveRequest request = asked.get(id);
      over.add(id);
      held.remove(id);
      feed(new FleetEvent.Release(ReleaseRequest.of(request.run(), id, List.of())));
      // A late copy of the request claims nothing.
      feed(new FleetEvent.Reserve(request));
    }
  }

  private static Offer offer(String type, double cpus, double price) {
    return Stage.offer(BackendType.SCRIPTED, type, cpus, price, false);
  }

  private static Sharing sharing(int kind) {
    return switch (kind) {
      case 0 -> new Sharing.Whole();
      case 1 -> new Sharing.Blocks(4);
      default -> new Sharing.ByRequest();
    };
  }

  @Property(tries = 150)
  void capacityIsNeverGivenTwiceAndNobodyIsForgotten(
      @ForAll long seed, @ForAll @IntRange(min = 0, max = 2) int kind) {
    Simulation simulation = new Simulation(seed, sharing(kind), (int) (seed & 1), 5);
    for (int i = 0; i < 150; i++) {
      simulation.step();
    }
  }

  /**
   * A lost workflow task is decided again with more events: what was answered is answered again.
   */
  @Property(tries = 100)
  void whatWasAnsweredIsAnsweredAgain(@ForAll long seed) {
    Simulation simulation = new Simulation(seed, new Sharing.ByRequest(), 2, 4);
    for (int i = 0; i < 60; i++) {
      simulation.step();
    }
    List<FleetEvent> events = new ArrayList<>();
    Random random = new Random(seed);
    for (int i = 0; i < 12; i++) {
      RunId run = new RunId(new UUID(77, i));
      events.add(
          new FleetEvent.Reserve(
              new ReserveRequest(
                  run + "/0.0",
                  "run:main:x" + i,
                  run,
                  "x" + i,
                  random.nextInt(100),
                  simulation.now,
                  List.of(
                      new ReserveRequest.Wanted(
                          JobId.of(run, 0, 0, 0),
                          "x",
                          WorkflowIds.job(run, 0, 0, 0),
                          Stage.cpus(1))),
                  null,
                  false)));
    }
    List<FleetCommand> few =
        FleetDecider.decide(
                simulation.input, simulation.state, events.subList(0, 6), simulation.now)
            .commands();
    List<FleetCommand> all =
        FleetDecider.decide(
                simulation.input, simulation.state, events, simulation.now.plusSeconds(10))
            .commands();
    assertThat(all.subList(0, few.size())).isEqualTo(few);
  }

  @Property(tries = 20)
  void theStateSurvivesItsJson(@ForAll long seed) {
    Simulation simulation = new Simulation(seed, new Sharing.Blocks(4), 2, 4);
    for (int i = 0; i < 80; i++) {
      simulation.step();
    }
    var payload = DataConverters.create().toPayload(simulation.state).orElseThrow();
    FleetState read =
        DataConverters.create().fromPayload(payload, FleetState.class, FleetState.class);
    assertThat(read).isEqualTo(simulation.state);
  }

  @Property(tries = 1)
  void aThousandInstancesWithAClaimEachStaySmall() {
    Simulation simulation = new Simulation(1, new Sharing.Whole(), 0, 1_000);
    List<FleetState.Slot> slots = new ArrayList<>();
    List<FleetState.Grant> grants = new ArrayList<>();
    Offer offer = offer("a-rather-long-instance-type", 8, 1.25);
    for (int i = 0; i < 1_000; i++) {
      RunId run = new RunId(new UUID(i, i));
      slots.add(
          new FleetState.Slot(
              i, i, 0, FleetState.Slotted.READY, "10.12.13." + (i % 250), 2, null, null));
      grants.add(
          new FleetState.Grant(
              run + "/0.0",
              "run:main:some-name-" + i,
              run,
              T0.plusMillis(i),
              List.of(
                  new FleetState.Claim(
                      JobId.of(run, 0, 0, 0),
                      "some-name-" + i + "-0-0",
                      "0.0.0",
                      i,
                      0,
                      1,
                      List.of()))));
    }
    FleetState start = simulation.state;
    FleetState full =
        new FleetState(
            1,
            FleetStatus.ACTIVE,
            start.plan(),
            1_000,
            List.of(offer),
            List.of(offer.resources()),
            slots,
            List.of(),
            grants,
            List.of(),
            null,
            false,
            start.consolidation(),
            null);
    int bytes = DataConverters.create().toPayload(full).orElseThrow().getData().size();
    assertThat(bytes).isLessThan(400_000);
  }
}
