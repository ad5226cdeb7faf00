package dev.dstack.api.fleet;

import dev.dstack.api.auth.ProjectAccess;
import dev.dstack.db.views.FleetReader;
import dev.dstack.model.config.SpecProblem;
import dev.dstack.model.json.Json;
import dev.dstack.model.wire.fleet.FleetSpec;
import dev.dstack.workflows.fleet.FleetPlan;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * A host belongs to one fleet. Said when it is applied, as far as it is known by then; the host
 * itself refuses a second owner for certain.
 */
final class TakenHosts {
  private record Address(String hostname, int port) {
    static Address of(FleetPlan.Host host) {
      return new Address(host.hostname(), host.port());
    }
  }

  private TakenHosts() {}

  static List<SpecProblem> problems(FleetReader fleets, FleetSpec spec, ProjectAccess access) {
    if (spec.configuration().sshConfig() == null) {
      return List.of();
    }
    Set<Address> wanted = new HashSet<>();
    FleetPlans.of(spec, List.of(), null)
        .ifPresent(plan -> plan.hosts().forEach(host -> wanted.add(Address.of(host))));
    List<SpecProblem> problems = new ArrayList<>();
    for (FleetReader.OfHosts other : fleets.ofHosts()) {
      boolean near = other.project().equals(access.id());
      if (near && other.name().equals(spec.configuration().name())) {
        continue;
      }
      Json.lenient().readValue(other.planJson(), FleetPlan.class).hosts().stream()
          .filter(host -> wanted.contains(Address.of(host)))
          .forEach(
              host ->
                  problems.add(
                      new SpecProblem(
                          "ssh_config.hosts",
                          "names "
                              + host.hostname()
                              + ", which "
                              + (near ? "fleet '" + other.name() + "'" : "another project's fleet")
                              + " has already")));
    }
    return problems;
  }
}
