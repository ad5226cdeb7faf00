package dev.dstack.api.run;

import dev.dstack.api.error.ApiException;
import dev.dstack.api.fleet.Capacity;
import dev.dstack.api.volume.JobVolumes;
import dev.dstack.model.config.EngineRequirements;
import dev.dstack.model.config.FleetSpecs;
import dev.dstack.model.config.JobSpecs;
import dev.dstack.model.config.RunSpecs;
import dev.dstack.model.offer.Availability;
import dev.dstack.model.offer.Requirements;
import dev.dstack.model.wire.configuration.CreationPolicy;
import dev.dstack.model.wire.configuration.EntityReference;
import dev.dstack.model.wire.configuration.FleetInstanceSelector;
import dev.dstack.model.wire.configuration.IdleDuration;
import dev.dstack.model.wire.configuration.InstanceHostnameSelector;
import dev.dstack.model.wire.configuration.InstanceNameSelector;
import dev.dstack.model.wire.configuration.NodeGroup;
import dev.dstack.model.wire.configuration.ProfileParams;
import dev.dstack.model.wire.configuration.TaskConfiguration;
import dev.dstack.model.wire.run.JobSpec;
import dev.dstack.model.wire.run.RunSpec;
import dev.dstack.workflows.fleet.FleetAnswer.Refusal;
import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.fleet.InstancePin;
import dev.dstack.workflows.fleet.Refusals;
import dev.dstack.workflows.run.RunPlan;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What a specification means to its workflow. No values of variables, no commands. */
final class RunPlans {
  /** With {@code stop_duration: off} a job may take as long as it likes to end. */
  private static final Duration UNLIMITED_STOP = Duration.ofDays(30);

  private RunPlans() {}

  /**
   * @param placed a job's requirements, narrowed to where its volumes are
   */
  static RunPlan of(
      RunSpec effective,
      List<JobSpec> jobs,
      List<Capacity> candidates,
      BiFunction<Requirements, JobSpec, Requirements> placed) {
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
        ordered(
            candidates,
            placed.apply(requirements(first, profile), first),
            mayCreate(profile),
            nodes(effective)),
        mayCreate(profile),
        jobs.stream()
            .map(
                job ->
                    new RunPlan.JobPlan(
                        job.replicaNum(),
                        job.jobNum(),
                        job.jobName(),
                        placed.apply(requirements(job, profile), job),
                        JobVolumes.names(job)))
            .toList(),
        idle(profile),
        pins(profile),
        null,
        List.of());
  }

  /** What instances that are made for the run may be idle; their fleet may allow less. */
  private static @Nullable Duration idle(ProfileParams profile) {
    IdleDuration idle =
        profile.idleDuration() == null ? FleetSpecs.RUN_IDLE_DURATION : profile.idleDuration();
    return idle.isNever() ? null : Duration.ofSeconds(idle.seconds());
  }

  private static List<InstancePin> pins(ProfileParams profile) {
    return profile.instances() == null
        ? List.of()
        : profile.instances().stream()
            .map(
                one ->
                    switch (one) {
                      case InstanceNameSelector(String name) ->
                          new InstancePin(null, name, null, null);
                      case InstanceHostnameSelector(String hostname) ->
                          new InstancePin(null, null, hostname, null);
                      case FleetInstanceSelector(EntityReference fleet, int number) ->
                          new InstancePin(fleet.name(), null, null, number);
                    })
            .toList();
  }

  private static int nodes(RunSpec effective) {
    if (!(effective.configuration() instanceof TaskConfiguration task)) {
      return 1;
    }
    return task.groups() == null
        ? (task.nodes() == null ? 1 : task.nodes())
        : task.groups().stream().mapToInt(NodeGroup::nodes).sum();
  }

  static Requirements requirements(JobSpec job, ProfileParams profile) {
    return EngineRequirements.of(job.requirements(), profile);
  }

  static boolean mayCreate(ProfileParams profile) {
    return profile.creationPolicy() != CreationPolicy.REUSE && profile.instances() == null;
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

  /** The fleets of the project that are not asked, and why. */
  static List<Refusal> leftOut(RunSpec effective, List<Capacity> all, List<Capacity> candidates) {
    ProfileParams profile = RunSpecs.profile(effective);
    Set<String> named =
        profile.fleets() == null
            ? Set.of()
            : profile.fleets().stream().map(EntityReference::name).collect(Collectors.toSet());
    Refusals refusals = new Refusals();
    for (Capacity one : all) {
      if (candidates.contains(one)) {
        continue;
      }
      String name = one.fleet().name();
      refusals.add(
          "fleet",
          name,
          profile.fleets() != null && !named.contains(name)
              ? "not among the run's `fleets`"
              : one.noContainers() != null && JobSpecs.inContainer(effective)
                  ? "runs no containers: " + one.noContainers()
                  : nodes(effective) > 1 && !one.plan().cluster()
                      ? "has not `placement: cluster`, which several nodes need"
                      : "can't have a run like this one");
    }
    return refusals.list();
  }

  /**
   * Those that can run it at all.
   *
   * @throws ApiException when it needs a container and none of its fleets has an engine for that
   */
  static List<Capacity> able(RunSpec effective, List<Capacity> candidates) {
    return withContainers(effective, near(effective, candidates));
  }

  /** Several nodes need machines that are near each other. */
  private static List<Capacity> near(RunSpec effective, List<Capacity> candidates) {
    if (nodes(effective) == 1 || candidates.isEmpty()) {
      return candidates;
    }
    List<Capacity> near = candidates.stream().filter(one -> one.plan().cluster()).toList();
    if (near.isEmpty()) {
      throw ApiException.badRequest(
          "A task with several nodes needs a fleet with `placement: cluster`, and none of these has"
              + " it: "
              + candidates.stream()
                  .map(one -> one.fleet().name())
                  .collect(Collectors.joining(", ")));
    }
    return near;
  }

  private static List<Capacity> withContainers(RunSpec effective, List<Capacity> candidates) {
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

  /**
   * First who can host all of it now, then who has the cheapest free machine, then who can make the
   * cheapest, then who might be free later.
   */
  private static List<FleetRef> ordered(
      List<Capacity> candidates, Requirements wanted, boolean mayCreate, int nodes) {
    record Ranked(FleetRef ref, boolean hostsAll, double idle, double made, boolean busy) {}
    return candidates.stream()
        .map(
            one -> {
              List<Capacity.Machine> free = one.free(wanted, nodes > 1);
              List<Capacity.Shown> offers = one.offers(wanted, mayCreate);
              return new Ranked(
                  one.ref(),
                  free.size() >= nodes,
                  free.stream()
                      .mapToDouble(machine -> machine.offer().price())
                      .min()
                      .orElse(Double.MAX_VALUE),
                  offers.stream()
                      .filter(offer -> offer.availability().usable())
                      .filter(offer -> offer.availability() != Availability.IDLE)
                      .mapToDouble(offer -> offer.offer().price())
                      .min()
                      .orElse(Double.MAX_VALUE),
                  !offers.isEmpty());
            })
        .sorted(
            Comparator.comparing((Ranked one) -> !one.hostsAll())
                .thenComparingDouble(Ranked::idle)
                .thenComparingDouble(Ranked::made)
                .thenComparing(one -> !one.busy())
                .thenComparing(one -> one.ref().name()))
        .map(Ranked::ref)
        .toList();
  }
}
