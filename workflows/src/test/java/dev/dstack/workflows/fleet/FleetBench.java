package dev.dstack.workflows.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.error.ErrorKind;
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
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** One fleet, and what it wanted done since the last look. */
final class FleetBench {
  static final Instant T0 = Instant.parse("2026-01-01T00:00:00Z");

  final FleetInput input;
  FleetState state;
  Instant now = T0;
  int logic = Versions.RETURN;
  List<FleetCommand> commands = List.of();
  @Nullable String message;
  final List<String> facts = new ArrayList<>();
  private final Map<InstanceId, Long> seqs = new HashMap<>();

  FleetBench(FleetPlan plan) {
    input =
        FleetInput.first(
            new FleetId(new UUID(1, 1)), new ProjectId(new UUID(1, 2)), "main", "f", T0, plan);
    state = FleetState.initial(plan);
    feed(new FleetEvent.Begin());
  }

  void feed(FleetEvent... events) {
    FleetDecider.Decision decision = FleetDecider.decide(input, state, List.of(events), now, logic);
    state = decision.state();
    commands = decision.commands();
    if (decision.view() != null) {
      message = decision.view().statusMessage();
      decision.view().events().forEach(fact -> facts.add(fact.message()));
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

  InstanceId id(int serial) {
    return FleetDecider.instanceId(input, serial);
  }

  void health(int serial, @Nullable String unfit) {
    Offer offer =
        state.instances().stream()
            .filter(slot -> slot.serial() == serial)
            .map(slot -> state.offers().get(slot.offer()))
            .findFirst()
            .orElseThrow();
    long seq = seqs.merge(id(serial), 10L, Long::sum);
    feed(
        new FleetEvent.Reported(
            new InstanceReport.Ready(id(serial), seq, offer, "h", null, unfit)));
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
    for (Instant due = FleetDecider.deadline(state, logic);
        due != null && !due.isAfter(until);
        due = FleetDecider.deadline(state, logic)) {
      now = due;
      feed(new FleetEvent.Tick(due));
    }
    now = until;
  }

  long count(Slotted wanted) {
    return state.instances().stream().filter(slot -> slot.state() == wanted).count();
  }

  static FleetPlan plan(
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

  static Offer offer(String type, String region, double cpus, double price) {
    return new Offer(
        BackendType.SCRIPTED,
        type,
        region,
        new Resources(CpuArch.X86, cpus, 8_192, 102_400, List.of(), false),
        price,
        Availability.AVAILABLE,
        Map.of());
  }

  static ReserveRequest request(
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

  static FleetEvent reserve(int number, int nodes, int cpus) {
    return new FleetEvent.Reserve(request(number, nodes, Stage.cpus(cpus), List.of()));
  }

  static FleetEvent release(int number) {
    return new FleetEvent.Release(ReleaseRequest.all(new RunId(new UUID(42, number))));
  }

  static void fill(FleetBench bench, Offer offer) {
    List<FleetCommand.StartInstance> starts = bench.starts();
    List<FleetEvent> reports = new ArrayList<>();
    for (FleetCommand.StartInstance start : starts) {
      reports.add(
          new FleetEvent.Reported(new InstanceReport.Ready(start.id(), 1, offer, "h", null)));
    }
    bench.feed(reports.toArray(FleetEvent[]::new));
  }

  static FleetPlan hosts(String... names) {
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
}
