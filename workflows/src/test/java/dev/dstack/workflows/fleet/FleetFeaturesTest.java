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
import dev.dstack.model.offer.Availability;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.offer.Requirements;
import dev.dstack.model.resources.CpuArch;
import dev.dstack.model.resources.Resources;
import dev.dstack.workflows.fleet.FleetState.Slotted;
import dev.dstack.workflows.instance.FoundOffers;
import dev.dstack.workflows.instance.InstanceReport;
import dev.dstack.workflows.instance.OfferSearch;
import dev.dstack.workflows.support.DataConverters;
import dev.dstack.workflows.support.Versions;
import dev.dstack.workflows.world.Stage;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What a fleet does for the wishes of its configuration. */
class FleetFeaturesTest {
  private static final Instant T0 = Instant.parse("2026-01-01T00:00:00Z");
  private static final BackendType CLOUD = new BackendType("cloud");

  /** One fleet, and what it wanted done since the last look. */
  private static final class Bench {
    final FleetInput input;
    FleetState state;
    Instant now = T0;
    int logic = Versions.CAPACITY;
    List<FleetCommand> commands = List.of();
    @Nullable String message;
    private final Map<InstanceId, Long> seqs = new HashMap<>();

    Bench(FleetPlan plan) {
      input =
          FleetInput.first(
              new FleetId(new UUID(1, 1)), new ProjectId(new UUID(1, 2)), "main", "f", T0, plan);
      state = FleetState.initial(plan);
      feed(new FleetEvent.Begin());
    }

    void feed(FleetEvent... events) {
      FleetDecider.Decision decision =
          FleetDecider.decide(input, state, List.of(events), now, logic);
      state = decision.state();
      commands = decision.commands();
      if (decision.view() != null) {
        message = decision.view().statusMessage();
      }
      // What it remembers is always what its next run would be given.
      var json = DataConverters.create().toPayload(state).orElseThrow();
      assertThat(DataConverters.create().fromPayload(json, FleetState.class, FleetState.class))
          .isEqualTo(state);
    }

    <T extends FleetCommand> List<T> all(Class<T> kind) {
      return commands.stream().filter(kind::isInstance).map(kind::cast).toList();
    }

    List<FleetCommand.StartInstance> starts() {
      return all(FleetCommand.StartInstance.class);
    }

    List<InstanceTerminationReason> ends() {
      return all(FleetCommand.TerminateInstance.class).stream()
          .map(one -> one.termination().reason())
          .toList();
    }

    List<FleetAnswer> answers() {
      return all(FleetCommand.Answer.class).stream().map(FleetCommand.Answer::answer).toList();
    }

    void offers(Offer... offers) {
      OfferSearch search = all(FleetCommand.FindOffers.class).getFirst().search();
      feed(new FleetEvent.OffersFound(search, new FoundOffers(List.of(offers), List.of())));
    }

    void ready(FleetCommand.StartInstance start, Offer offer) {
      long seq = seqs.merge(start.id(), 1L, Long::sum);
      feed(
          new FleetEvent.Reported(
              new InstanceReport.Ready(
                  start.id(), seq, offer, "host-" + start.number(), "10.0.0." + start.number())));
    }

    void failed(FleetCommand.StartInstance start, String message) {
      feed(
          new FleetEvent.Reported(
              new InstanceReport.Failed(start.id(), 1, ErrorKind.NO_CAPACITY, message)));
    }

    void gone(InstanceId id) {
      feed(
          new FleetEvent.Reported(
              new InstanceReport.Gone(id, 99, InstanceTerminationReason.TERMINATED_BY_USER)));
    }

    void pass(Duration time) {
      Instant until = now.plus(time);
      for (Instant due = FleetDecider.deadline(state);
          due != null && !due.isAfter(until);
          due = FleetDecider.deadline(state)) {
        now = due;
        feed(new FleetEvent.Tick(due));
      }
      now = until;
    }

    long count(Slotted wanted) {
      return state.instances().stream().filter(slot -> slot.state() == wanted).count();
    }
  }

  private static FleetPlan plan(
      BackendType backend, int min, @Nullable Integer max, Sharing sharing, boolean cluster) {
    return new FleetPlan(
        backend,
        min,
        min,
        max,
        Stage.cpus(1),
        sharing,
        Duration.ofDays(3),
        cluster,
        List.of(),
        List.of());
  }

  private static Offer offer(String type, String region, double cpus, double price) {
    return new Offer(
        BackendType.SCRIPTED,
        type,
        region,
        new Resources(CpuArch.X86, cpus, 8_192, 102_400, List.of(), false),
        price,
        Availability.AVAILABLE,
        Map.of());
  }

  private static ReserveRequest request(
      int number, int nodes, Requirements requirements, List<InstancePin> pins) {
    RunId run = new RunId(new UUID(42, number));
    List<ReserveRequest.Wanted> wanted = new ArrayList<>();
    for (int node = 0; node < nodes; node++) {
      wanted.add(
          new ReserveRequest.Wanted(
              JobId.of(run, 0, node, 0),
              "job-0-" + node,
              WorkflowIds.job(run, 0, node, 0),
              requirements));
    }
    return new ReserveRequest(
        run + "/0.0",
        "run:main:r" + number,
        run,
        "r" + number,
        0,
        T0.plusMillis(number),
        wanted,
        null,
        pins.isEmpty(),
        Duration.ofMinutes(5),
        pins);
  }

  private static FleetEvent reserve(int number, int nodes, int cpus) {
    return new FleetEvent.Reserve(request(number, nodes, Stage.cpus(cpus), List.of()));
  }

  private static FleetEvent release(int number) {
    return new FleetEvent.Release(ReleaseRequest.all(new RunId(new UUID(42, number))));
  }

  private static void fill(Bench bench, Offer offer) {
    List<FleetCommand.StartInstance> starts = bench.starts();
    List<FleetEvent> reports = new ArrayList<>();
    for (FleetCommand.StartInstance start : starts) {
      reports.add(
          new FleetEvent.Reported(new InstanceReport.Ready(start.id(), 1, offer, "h", null)));
    }
    bench.feed(reports.toArray(FleetEvent[]::new));
  }

  @Test
  void aClusterBeginsWithOneMachineAndStaysWhereItIs() {
    Bench bench = new Bench(plan(BackendType.SCRIPTED, 0, 8, new Sharing.Whole(), true));
    Offer east = offer("a", "east", 4, 2);
    Offer west = offer("a", "west", 4, 1);
    bench.feed(reserve(1, 3, 1));
    bench.offers(east, west);
    assertThat(bench.starts()).hasSize(1);
    FleetCommand.StartInstance master = bench.starts().getFirst();
    assertThat(master.offer().region()).isEqualTo("west");

    bench.failed(master, "none left in west");
    assertThat(bench.starts()).as("the next offer for the first machine").hasSize(1);
    master = bench.starts().getFirst();
    assertThat(master.offer().region()).isEqualTo("east");
    bench.ready(master, east);
    assertThat(bench.starts())
        .as("the others beside it, although the other region is cheaper")
        .hasSize(2)
        .allMatch(start -> start.offer().region().equals("east"));
    for (FleetCommand.StartInstance start : bench.starts()) {
      bench.ready(start, east);
    }
    assertThat(bench.answers())
        .singleElement()
        .isInstanceOfSatisfying(
            FleetAnswer.Granted.class,
            granted ->
                assertThat(granted.placements())
                    .hasSize(3)
                    .allMatch(placement -> placement.internalIp() != null));
  }

  @Test
  void eachHostHasOneInstanceUntilItIsTakenOut() {
    Bench bench = new Bench(hosts("one", "two"));
    assertThat(bench.starts()).extracting(FleetCommand.StartInstance::number).containsExactly(0, 1);
    assertThat(bench.starts().getFirst().offer().backendData()).containsEntry("host", "0");
    List<FleetCommand.StartInstance> starts = bench.starts();
    bench.feed(reserve(1, 1, 2));
    assertThat(bench.answers())
        .as("worth waiting for hosts that are being reached")
        .singleElement()
        .isInstanceOf(FleetAnswer.Queued.class);
    bench.failed(starts.get(1), "wrong key");
    assertThat(bench.message).isEqualTo("two: wrong key");
    assertThat(bench.starts()).as("not at once again").isEmpty();
    bench.ready(starts.get(0), offer("host", "remote", 4, 0));
    assertThat(bench.answers()).singleElement().isInstanceOf(FleetAnswer.Granted.class);

    bench.pass(Duration.ofMinutes(2));
    assertThat(bench.state.instances())
        .extracting(FleetState.Slot::number)
        .as("tried again after a pause")
        .containsExactly(0, 1);
    InstanceId second = FleetDecider.instanceId(bench.input, bench.state.nextSerial() - 1);
    bench.feed(new FleetEvent.DeleteInstances(new InstanceRemoval(List.of(0, 1), false, "ann")));
    assertThat(bench.all(FleetCommand.TerminateInstance.class))
        .as("the busy one stays")
        .extracting(FleetCommand.TerminateInstance::id)
        .containsExactly(second);
    bench.gone(second);
    bench.pass(Duration.ofHours(1));
    assertThat(bench.state.instances()).as("a person took it out").hasSize(1);

    bench.feed(new FleetEvent.Reconfigure(hosts("one", "two", "three")));
    assertThat(bench.starts()).extracting(FleetCommand.StartInstance::number).containsExactly(1, 2);
    bench.feed(new FleetEvent.Reconfigure(hosts()));
    assertThat(bench.ends()).as("those without a job").hasSize(2);
    bench.feed(release(1));
    assertThat(bench.ends()).hasSize(1);
  }

  private static FleetPlan hosts(String... names) {
    List<FleetPlan.Host> hosts = new ArrayList<>();
    for (String name : names) {
      hosts.add(new FleetPlan.Host(hosts.size(), name, 22, "root", null, null));
    }
    return new FleetPlan(
        BackendType.SSH,
        hosts.size(),
        hosts.size(),
        hosts.size(),
        Stage.cpus(0),
        new Sharing.Whole(),
        null,
        false,
        List.of(),
        hosts);
  }

  @Test
  void pinsAreTheOnlyInstancesThatDo() {
    Offer box = offer("box", "here", 4, 1);
    Bench bench = new Bench(plan(BackendType.SCRIPTED, 3, 3, new Sharing.Whole(), false));
    bench.offers(box);
    fill(bench, box);
    InstancePin pin = new InstancePin(null, "f-1", null, null);
    bench.feed(new FleetEvent.Reserve(request(1, 1, Stage.cpus(1), List.of(pin))));
    assertThat(bench.answers())
        .singleElement()
        .isInstanceOfSatisfying(
            FleetAnswer.Granted.class,
            granted -> assertThat(granted.placements().getFirst().instanceName()).isEqualTo("f-1"));
    bench.feed(new FleetEvent.Reserve(request(2, 1, Stage.cpus(1), List.of(pin))));
    assertThat(bench.answers()).singleElement().isInstanceOf(FleetAnswer.Refused.class);
  }

  @Test
  void whatARunBroughtAboutIsIdleForTheShorterTime() {
    Offer box = offer("box", "here", 4, 1);
    Bench bench = new Bench(plan(BackendType.SCRIPTED, 0, 2, new Sharing.Whole(), false));
    bench.feed(reserve(1, 1, 1));
    bench.offers(box);
    bench.ready(bench.starts().getFirst(), box);
    bench.feed(release(1));
    bench.pass(Duration.ofMinutes(4));
    assertThat(bench.count(Slotted.READY)).isEqualTo(1);
    bench.pass(Duration.ofMinutes(2));
    assertThat(bench.count(Slotted.TERMINATING)).isEqualTo(1);
  }

  @Test
  void blocksAreSharedAndAGangTakesItsInstancesWholly() {
    Offer box = offer("box", "here", 8, 1);
    Bench bench = new Bench(plan(BackendType.SCRIPTED, 2, 2, new Sharing.Blocks(4), true));
    bench.offers(box);
    bench.ready(bench.starts().getFirst(), box);
    bench.ready(bench.starts().getFirst(), box);
    bench.feed(reserve(1, 1, 3), reserve(2, 1, 2));
    List<Placement> placements =
        bench.answers().stream()
            .map(FleetAnswer.Granted.class::cast)
            .flatMap(granted -> granted.placements().stream())
            .toList();
    assertThat(placements).extracting(Placement::blocks).containsExactly(2, 1);
    assertThat(placements).extracting(Placement::instanceNum).containsOnly(0);
    bench.feed(reserve(3, 2, 1));
    assertThat(bench.answers()).singleElement().isInstanceOf(FleetAnswer.Refused.class);
    bench.feed(release(1), release(2), reserve(4, 2, 1));
    assertThat(bench.answers())
        .singleElement()
        .isInstanceOfSatisfying(
            FleetAnswer.Granted.class,
            granted ->
                assertThat(granted.placements()).extracting(Placement::blocks).containsOnly(4));
  }

  @Test
  void whatDoesNotFitTheNewConfigurationGoesWhenItIsFree() {
    Offer box = offer("box", "here", 4, 1);
    FleetPlan larger =
        new FleetPlan(BackendType.SCRIPTED, 0, 0, 4, Stage.cpus(8), new Sharing.Whole(), null);
    for (int logic : new int[] {Versions.ANSWERS_IN_PARTS, Versions.CAPACITY}) {
      Bench bench = new Bench(plan(BackendType.SCRIPTED, 1, 4, new Sharing.Whole(), false));
      bench.logic = logic;
      bench.offers(box);
      fill(bench, box);
      bench.feed(reserve(1, 1, 1), new FleetEvent.Reconfigure(larger));
      assertThat(bench.ends()).isEmpty();
      bench.feed(release(1));
      assertThat(bench.ends())
          .as("logic %s", logic)
          .isEqualTo(
              logic == Versions.CAPACITY
                  ? List.of(InstanceTerminationReason.FLEET_SPEC_MISMATCH)
                  : List.of());
    }
  }

  @Test
  void aPersonMayDeclareAMachineGone() {
    Offer box = offer("box", "here", 4, 1);
    Bench bench = new Bench(plan(BackendType.SCRIPTED, 1, 1, new Sharing.Whole(), false));
    bench.offers(box);
    fill(bench, box);
    bench.feed(reserve(1, 1, 1));
    bench.feed(
        new FleetEvent.Delete(),
        new FleetEvent.DeleteInstances(new InstanceRemoval(List.of(), true, "ann")));
    assertThat(bench.all(FleetCommand.TerminateInstance.class))
        .singleElement()
        .matches(one -> one.termination().forgets());
    bench.gone(FleetDecider.instanceId(bench.input, 0));
    assertThat(bench.state.status()).isEqualTo(FleetStatus.TERMINATING);
    bench.feed(release(1));
    assertThat(bench.state.status()).isEqualTo(FleetStatus.TERMINATED);
  }

  @Test
  void aCloudIsAskedForWhatTheRunWants() {
    Bench bench = new Bench(plan(CLOUD, 0, 2, new Sharing.Whole(), false));
    bench.feed(reserve(1, 1, 2));
    assertThat(bench.all(FleetCommand.FindOffers.class))
        .singleElement()
        .matches(find -> find.search() != null && find.search().wanted() != null);
    bench.offers(offer("box", "here", 4, 1));
    assertThat(bench.starts()).hasSize(1);
    bench.feed(reserve(2, 1, 3));
    assertThat(bench.all(FleetCommand.FindOffers.class))
        .as("another wish is another question")
        .hasSize(1);
  }

  @Test
  void hundredsOfPlacementsAtOnceNeverShareAnInstance() {
    Offer box = offer("box", "here", 4, 1);
    Bench bench = new Bench(plan(BackendType.SCRIPTED, 200, 200, new Sharing.Whole(), true));
    bench.offers(box);
    bench.ready(bench.starts().getFirst(), box);
    fill(bench, box);
    assertThat(bench.count(Slotted.READY)).isEqualTo(200);
    List<FleetEvent> wishes = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      wishes.add(reserve(i, 1, 1));
    }
    wishes.add(reserve(1_000, 200, 1));
    Set<InstanceId> taken = new HashSet<>();
    int granted = 0;
    for (List<FleetEvent> batch : List.of(wishes.subList(0, 100), wishes.subList(100, 301))) {
      bench.feed(batch.toArray(FleetEvent[]::new));
      for (FleetAnswer answer : bench.answers()) {
        if (answer instanceof FleetAnswer.Granted(var _, var _, var placements, var _)) {
          granted++;
          placements.forEach(one -> assertThat(taken.add(one.instance())).isTrue());
        }
      }
    }
    assertThat(granted).isEqualTo(200);
    List<FleetEvent> ends = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      ends.add(release(i));
    }
    ends.add(reserve(2_000, 200, 1));
    bench.feed(ends.toArray(FleetEvent[]::new));
    assertThat(bench.answers())
        .singleElement()
        .isInstanceOfSatisfying(
            FleetAnswer.Granted.class,
            all ->
                assertThat(all.placements())
                    .hasSize(200)
                    .extracting(Placement::instance)
                    .doesNotHaveDuplicates());
  }
}
