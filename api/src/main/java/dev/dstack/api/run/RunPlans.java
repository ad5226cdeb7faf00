package dev.dstack.api.run;

import dev.dstack.api.error.ApiException;
import dev.dstack.api.fleet.Capacity;
import dev.dstack.model.config.EngineRequirements;
import dev.dstack.model.config.JobSpecs;
import dev.dstack.model.config.RunSpecs;
import dev.dstack.model.offer.Availability;
import dev.dstack.model.offer.Requirements;
import dev.dstack.model.wire.configuration.CreationPolicy;
import dev.dstack.model.wire.configuration.EntityReference;
import dev.dstack.model.wire.configuration.ProfileParams;
import dev.dstack.model.wire.run.JobSpec;
import dev.dstack.model.wire.run.RunSpec;
import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.run.RunPlan;
import java.time.Duration;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What a specification means to its workflow. No values of variables, no commands. */
final class RunPlans {
  /** With {@code stop_duration: off} a job may take as long as it likes to end. */
  private static final Duration UNLIMITED_STOP = Duration.ofDays(30);

  private RunPlans() {}

  static RunPlan of(RunSpec effective, List<JobSpec> jobs, List<Capacity> candidates) {
    ProfileParams profile = RunSpecs.profile(effective);
    JobSpec first = jobs.getFirst();
    Integer priority = effective.configuration().base().priority();
    return new RunPlan(
        effective.configuration().type(),
        priority == null ? 0 : priority,
        retry(first),
        first.maxDuration() == null ? null : Duration.ofSeconds(first.maxDuration()),
        first.stopDuration() == null ? UNLIMITED_STOP : Duration.ofSeconds(first.stopDuration()),
        profile.schedule() == null ? List.of() : profile.schedule().cron(),
        ordered(candidates, requirements(first, profile), mayCreate(profile)),
        mayCreate(profile),
        jobs.stream()
            .map(
                job ->
                    new RunPlan.JobPlan(
                        job.replicaNum(),
                        job.jobNum(),
                        job.jobName(),
                        requirements(job, profile),
                        List.of()))
            .toList());
  }

  static Requirements requirements(JobSpec job, ProfileParams profile) {
    return EngineRequirements.of(job.requirements(), profile);
  }

  static boolean mayCreate(ProfileParams profile) {
    return profile.creationPolicy() != CreationPolicy.REUSE;
  }

  private static RunPlan.@Nullable RetryPlan retry(JobSpec job) {
    return job.retry() == null
        ? null
        : new RunPlan.RetryPlan(
            Set.copyOf(job.retry().onEvents()), Duration.ofSeconds(job.retry().duration()));
  }

  /**
   * The fleets that a run may use.
   *
   * @throws ApiException when it names one that doesn't exist
   */
  static List<Capacity> candidates(ProfileParams profile, String project, List<Capacity> all) {
    if (profile.fleets() == null) {
      return all;
    }
    Set<String> names = all.stream().map(one -> one.fleet().name()).collect(Collectors.toSet());
    for (EntityReference wanted : profile.fleets()) {
      if (wanted.project() != null && !wanted.project().equals(project)) {
        throw ApiException.badRequest(
            "`fleets` names '"
                + wanted
                + "': fleets of other projects are not supported by this"
                + " server version yet");
      }
      if (!names.contains(wanted.name())) {
        throw ApiException.missing(
            "`fleets` names '"
                + wanted.name()
                + "', and project '"
                + project
                + "' has no such fleet; it has: "
                + (names.isEmpty() ? "none" : String.join(", ", names.stream().sorted().toList())));
      }
    }
    Set<String> chosen =
        profile.fleets().stream().map(EntityReference::name).collect(Collectors.toSet());
    return all.stream().filter(one -> chosen.contains(one.fleet().name())).toList();
  }

  /**
   * Those that can run it at all.
   *
   * @throws ApiException when it needs a container and none of its fleets has an engine for that
   */
  static List<Capacity> able(RunSpec effective, List<Capacity> candidates) {
    if (!JobSpecs.inContainer(effective) || candidates.isEmpty()) {
      return candidates;
    }
    List<Capacity> able = candidates.stream().filter(one -> one.noContainers() == null).toList();
    if (able.isEmpty()) {
      throw ApiException.badRequest(
          "The run needs a container, and no fleet can run one: "
              + candidates.stream()
                  .map(one -> one.fleet().name() + ": " + one.noContainers())
                  .collect(Collectors.joining("; "))
              + ". Without `image`, `python`, `nvcc` and `docker` it runs as a process of its"
              + " host.");
    }
    return able;
  }

  /** First who can host it now, then who can make a machine, then who might be free later. */
  private static List<FleetRef> ordered(
      List<Capacity> candidates, Requirements wanted, boolean mayCreate) {
    record Ranked(FleetRef ref, int rank, double price) {}
    return candidates.stream()
        .map(
            one -> {
              List<Capacity.Shown> offers = one.offers(wanted, mayCreate);
              Set<Availability> found = EnumSet.noneOf(Availability.class);
              offers.forEach(offer -> found.add(offer.availability()));
              int rank =
                  found.contains(Availability.IDLE)
                      ? 0
                      : found.stream().anyMatch(Availability::usable) ? 1 : found.isEmpty() ? 3 : 2;
              double price =
                  offers.stream()
                      .filter(offer -> rank != 0 || offer.availability() == Availability.IDLE)
                      .mapToDouble(offer -> offer.offer().price())
                      .min()
                      .orElse(Double.MAX_VALUE);
              return new Ranked(one.ref(), rank, price);
            })
        .sorted(
            Comparator.comparingInt(Ranked::rank)
                .thenComparingDouble(Ranked::price)
                .thenComparing(ranked -> ranked.ref().name()))
        .map(Ranked::ref)
        .toList();
  }
}
