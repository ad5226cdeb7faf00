package dev.dstack.workflows.fleet;

import dev.dstack.model.ids.JobId;
import dev.dstack.workflows.fleet.FleetState.Claim;
import dev.dstack.workflows.fleet.FleetState.Grant;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Takes back claims whose owners are gone. A run gives back its claims itself. What is left was
 * granted to a run that had ended before, or whose workflow was ended by hand. A claim is taken
 * back only when both its run and its job are closed; a job left without its run is told to stop
 * first.
 */
final class ClaimSweep {
  private static final int SWEEP_GRANTS = 50;

  static final Duration SWEEP_EVERY = Duration.ofMinutes(15);
  static final Duration SWEEP_AGAIN = Duration.ofMinutes(1);

  /** A claim this young is not questioned: its job may not have begun. */
  static final Duration CLAIM_AGE = Duration.ofMinutes(10);

  private final FleetDraft fleet;
  private final FleetRequests requests;

  ClaimSweep(FleetDraft fleet, FleetRequests requests) {
    this.fleet = fleet;
    this.requests = requests;
  }

  void sweep() {
    List<Grant> old =
        fleet.grants.values().stream()
            .filter(grant -> !grant.at().plus(CLAIM_AGE).isAfter(fleet.now))
            .limit(SWEEP_GRANTS)
            .toList();
    Set<String> owners = new LinkedHashSet<>();
    for (Grant grant : old) {
      owners.add(grant.replyTo());
      grant.claims().forEach(claim -> owners.add(workflow(grant, claim)));
      // To the end, so that the next sweep looks at others.
      fleet.grants.remove(grant.requestId());
      fleet.grants.put(grant.requestId(), grant);
    }
    boolean more = fleet.grants.size() > old.size() && old.size() == SWEEP_GRANTS;
    fleet.sweepAt =
        fleet.grants.isEmpty() ? null : fleet.now.plus(more ? SWEEP_AGAIN : SWEEP_EVERY);
    if (!owners.isEmpty()) {
      fleet.commands.add(new FleetCommand.FindClosed(List.copyOf(owners)));
    }
  }

  void ownersClosed(List<String> workflowIds) {
    Set<String> closed = Set.copyOf(workflowIds);
    Set<Integer> freed = new LinkedHashSet<>();
    for (Grant grant : List.copyOf(fleet.grants.values())) {
      if (!closed.contains(grant.replyTo()) || grant.at().plus(CLAIM_AGE).isAfter(fleet.now)) {
        continue;
      }
      List<JobId> over = new ArrayList<>();
      for (Claim claim : grant.claims()) {
        String job = workflow(grant, claim);
        if (closed.contains(job)) {
          over.add(claim.job());
        } else {
          fleet.commands.add(new FleetCommand.StopJob(job));
        }
      }
      if (!over.isEmpty()) {
        requests.free(grant, over, freed);
      }
    }
    requests.lookAgain(freed);
  }

  private static String workflow(Grant grant, Claim claim) {
    return claim.workflow().startsWith("job:")
        ? claim.workflow()
        : "job:" + grant.run() + ":" + claim.workflow();
  }
}
