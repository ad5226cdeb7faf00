package dev.dstack.api.fleet;

import dev.dstack.api.error.ApiException;
import dev.dstack.db.views.ClaimRow;
import dev.dstack.db.views.FleetReader;
import dev.dstack.db.views.FleetRow;
import dev.dstack.db.views.InstanceRow;
import dev.dstack.workflows.fleet.FleetPlan;
import java.util.List;

/** Nothing that jobs have is taken from them; who asks for it hears which runs they are of. */
final class InUse {
  private static final int NAMED = 5;
  private static final String STOP_FIRST = ". Stop them first; nothing has been deleted.";

  private final FleetReader reader;

  InUse(FleetReader reader) {
    this.reader = reader;
  }

  void refuse(FleetRow fleet) {
    for (InstanceRow instance : fleet.instances()) {
      if (!instance.claims().isEmpty()) {
        throw ApiException.badRequest(
            "Fleet '" + fleet.name() + "' is in use: " + has(instance) + STOP_FIRST);
      }
    }
  }

  void refuse(List<InstanceRow> instances) {
    for (InstanceRow instance : instances) {
      if (!instance.claims().isEmpty()) {
        throw ApiException.badRequest(
            "Instance '" + instance.view().name() + "' is in use: " + has(instance) + STOP_FIRST);
      }
    }
  }

  /** Hosts that the next plan of a fleet of hosts does not have any more. */
  void refuseMissing(FleetRow fleet, FleetPlan next) {
    if (!next.ofHosts()) {
      return;
    }
    for (InstanceRow instance : fleet.instances()) {
      if (!instance.claims().isEmpty() && next.host(instance.view().number()).isEmpty()) {
        throw ApiException.badRequest(
            "The host of instance '"
                + instance.view().name()
                + "' can't be taken out of the fleet now: "
                + has(instance)
                + ". Stop them first.");
      }
    }
  }

  private String has(InstanceRow instance) {
    List<String> runs =
        reader.runsOf(instance.claims().stream().map(ClaimRow::job).distinct().toList());
    // What is shown of a job may lag behind what it has.
    String words =
        runs.isEmpty()
            ? instance.claims().size() + " jobs"
            : "jobs of "
                + String.join(", ", runs.subList(0, Math.min(NAMED, runs.size())))
                + (runs.size() > NAMED ? " and " + (runs.size() - NAMED) + " more runs" : "");
    return "'" + instance.view().name() + "' has " + words;
  }
}
