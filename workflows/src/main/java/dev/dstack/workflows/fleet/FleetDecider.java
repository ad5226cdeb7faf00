package dev.dstack.workflows.fleet;

import dev.dstack.model.fleet.FleetStatus;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.NamedIds;
import dev.dstack.workflows.fleet.FleetState.Consolidation;
import dev.dstack.workflows.instance.FoundOffers;
import dev.dstack.workflows.instance.InstanceReport;
import dev.dstack.workflows.instance.OfferSearch;
import dev.dstack.workflows.support.Versions;
import dev.dstack.workflows.view.FleetView;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Decides what a fleet does next: state and events in, state, commands and one view out.
 *
 * <p>Events are taken one by one, and each is answered from what came before it. So when a batch is
 * decided again with more events behind it, every answer already given is given again.
 */
final class FleetDecider {
  static final int MAX_INSTANCES = FleetSupply.MAX_INSTANCES;

  record Decision(FleetState state, List<FleetCommand> commands, @Nullable FleetView view) {
    Decision {
      commands = List.copyOf(commands);
    }
  }

  private final FleetDraft fleet;
  private final FleetSupply supply;
  private final FleetRequests requests;
  private final FleetInstances instances;
  private final ClaimSweep claims;

  private FleetDecider(FleetDraft fleet) {
    this.fleet = fleet;
    supply = new FleetSupply(fleet);
    requests = new FleetRequests(fleet, supply);
    instances = new FleetInstances(fleet, supply, requests);
    claims = new ClaimSweep(fleet, requests);
  }

  static Decision decide(FleetInput input, FleetState state, List<FleetEvent> events, Instant now) {
    return decide(input, state, events, now, Versions.RETURN);
  }

  /**
   * @param logic the version of the workflow, see {@link Versions}
   */
  static Decision decide(
      FleetInput input, FleetState state, List<FleetEvent> events, Instant now, int logic) {
    FleetDraft fleet = new FleetDraft(input, state, now, logic);
    FleetDecider decider = new FleetDecider(fleet);
    for (FleetEvent event : events) {
      fleet.now = event instanceof FleetEvent.Tick(Instant at) ? at : now;
      fleet.revision++;
      if (!fleet.status.isFinal()) {
        decider.on(event);
        decider.tend();
      }
    }
    return new Decision(fleet.freeze(), fleet.commands, fleet.view());
  }

  /** Ids are made of the fleet and a serial: known before the machine is, never used twice. */
  static InstanceId instanceId(FleetInput input, int serial) {
    String name = input.id() + "#" + serial;
    return new InstanceId(NamedIds.of(name));
  }

  static @Nullable Instant deadline(FleetState state) {
    return deadline(state, Versions.RETURN);
  }

  static @Nullable Instant deadline(FleetState state, int logic) {
    if (state.status() != FleetStatus.ACTIVE) {
      return state.sweepAt();
    }
    Stream<@Nullable Instant> waits =
        state.queue().stream()
            .flatMap(waiting -> Stream.of(waiting.request().waitUntil(), waiting.createAgainAt()));
    boolean mayGo =
        !state.plan().ofHosts() && FleetDraft.counted(state, logic) > state.plan().nodesMin();
    Stream<@Nullable Instant> idles =
        mayGo
            ? state.instances().stream().map(slot -> FleetInstances.idleEnd(state.plan(), slot))
            : Stream.empty();
    return Stream.of(waits, idles, Stream.of(state.consolidation().nextAt(), state.sweepAt()))
        .flatMap(all -> all)
        .flatMap(Stream::ofNullable)
        .min(Comparator.naturalOrder())
        .orElse(null);
  }

  private void on(FleetEvent event) {
    switch (event) {
      case FleetEvent.Begin _ -> {
        if (fleet.status == FleetStatus.SUBMITTED) {
          fleet.to(FleetStatus.ACTIVE);
        }
      }
      case FleetEvent.Reserve(ReserveRequest request) -> requests.reserve(request);
      case FleetEvent.Release(ReleaseRequest request) -> requests.release(request);
      case FleetEvent.Reported(InstanceReport report) -> instances.reported(report);
      case FleetEvent.InstanceClosed(int serial) -> {
        if (fleet.slots.containsKey(serial)) {
          instances.gone(serial);
        }
      }
      case FleetEvent.Reconfigure(FleetPlan next) -> reconfigure(next);
      case FleetEvent.Delete _ -> delete();
      case FleetEvent.DeleteInstances(InstanceRemoval removal) -> instances.remove(removal);
      case FleetEvent.OffersFound(OfferSearch search, FoundOffers found) -> {
        supply.found(search, found);
        requests.lookAgain();
      }
      case FleetEvent.OffersFailed(OfferSearch search, String message) -> {
        supply.notFound(search, message);
        requests.lookAgain();
      }
      case FleetEvent.OwnersClosed(List<String> workflowIds) -> claims.ownersClosed(workflowIds);
      case FleetEvent.Tick _ -> {
        requests.tick();
        if (fleet.sweepAt != null && !fleet.now.isBefore(fleet.sweepAt)) {
          claims.sweep();
        }
      }
    }
  }

  private void reconfigure(FleetPlan next) {
    fleet.plan = next;
    fleet.book = null;
    fleet.consolidation = Consolidation.initial();
    fleet.dropped.clear();
    instances.changed();
    fleet.fact("Fleet configuration updated", fleet.target());
    requests.lookAgain();
  }

  private void delete() {
    if (fleet.status == FleetStatus.ACTIVE) {
      fleet.to(FleetStatus.TERMINATING);
      requests.refuseAll("is being deleted");
    }
  }

  /** After every event: at least the minimum, no more than the maximum, nothing idle too long. */
  private void tend() {
    if (fleet.status == FleetStatus.TERMINATING) {
      instances.endAll();
      if (fleet.slots.isEmpty() && fleet.grants.isEmpty()) {
        fleet.to(FleetStatus.TERMINATED);
      }
      return;
    }
    instances.endSick();
    supply.fill();
    instances.trim();
  }
}
