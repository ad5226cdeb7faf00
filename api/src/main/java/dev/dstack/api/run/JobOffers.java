package dev.dstack.api.run;

import dev.dstack.api.auth.ProjectAccess;
import dev.dstack.api.fleet.Capacity;
import dev.dstack.api.fleet.Fleetyard;
import dev.dstack.api.volume.JobVolumes;
import dev.dstack.model.config.RunSpecs;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.offer.Requirements;
import dev.dstack.model.wire.configuration.ProfileParams;
import dev.dstack.model.wire.run.JobSpec;
import dev.dstack.model.wire.run.RunSpec;
import dev.dstack.workflows.fleet.Refusals;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** What could serve the jobs of a plan, and why nothing can. */
final class JobOffers {
  private final Fleetyard fleets;
  private final JobVolumes volumes;

  JobOffers(Fleetyard fleets, JobVolumes volumes) {
    this.fleets = fleets;
    this.volumes = volumes;
  }

  /**
   * Everything that could serve a job, usable offers first, cheapest first.
   *
   * @param ignoreFleets what the backends offer counts, too
   */
  List<Capacity.Shown> of(
      ProjectAccess access, RunSpec effective, JobSpec job, boolean ignoreFleets, boolean reverse) {
    ProfileParams profile = RunSpecs.profile(effective);
    Requirements wanted = volumes.narrow(RunPlans.requirements(job, profile), job, access.id());
    List<Capacity> candidates =
        RunPlans.candidates(profile, access.name(), fleets.now(access.id()));
    if (!ignoreFleets) {
      candidates = RunPlans.able(effective, candidates);
    }
    boolean anyOffer = ignoreFleets && profile.fleets() == null;
    List<Capacity.Shown> found = new ArrayList<>();
    for (Capacity capacity : candidates) {
      found.addAll(capacity.offers(wanted, RunPlans.mayCreate(profile) && !anyOffer));
    }
    if (anyOffer) {
      Set<String> machines = new HashSet<>();
      candidates.forEach(
          capacity -> {
            if (!capacity.machines().isEmpty()) {
              machines.add(capacity.plan().backend().name());
            }
          });
      fleets
          .backendOffers(access.id())
          .forEach(
              (backend, offers) -> {
                // The one machine of `local` is either in its fleet or on offer.
                boolean shownAlready = backend.equals("local") && machines.contains(backend);
                for (Offer offer : shownAlready ? List.<Offer>of() : offers) {
                  if (wanted.refusal(offer).isEmpty()) {
                    found.add(new Capacity.Shown(offer, offer.availability(), 1, 1));
                  }
                }
              });
    }
    Comparator<Capacity.Shown> price =
        Comparator.comparingDouble((Capacity.Shown one) -> one.offer().price());
    found.sort(
        Comparator.comparing((Capacity.Shown one) -> !one.availability().usable())
            .thenComparing(reverse ? price.reversed() : price));
    return Collections.unmodifiableList(found);
  }

  /** Of each fleet of the project why it can't have the job, as {@code dstack why} would say it. */
  List<String> refusals(ProjectAccess access, RunSpec effective, JobSpec job) {
    ProfileParams profile = RunSpecs.profile(effective);
    Requirements wanted = volumes.narrow(RunPlans.requirements(job, profile), job, access.id());
    List<Capacity> all = fleets.now(access.id());
    List<Capacity> candidates =
        RunPlans.able(effective, RunPlans.candidates(profile, access.name(), all));
    Refusals refusals = new Refusals();
    candidates.forEach(capacity -> capacity.refuse(wanted, RunPlans.mayCreate(profile), refusals));
    return Refusals.all(refusals.list(), RunPlans.leftOut(effective, all, candidates)).stream()
        .map(refusal -> refusal.what() + ": " + refusal.why())
        .toList();
  }
}
