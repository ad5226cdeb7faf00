package dev.dstack.activities.sweep;

import dev.dstack.activities.backend.BackendRegistry;
import dev.dstack.activities.cloud.PlacementGroupNames;
import dev.dstack.backends.FoundMachine;
import dev.dstack.backends.WithPlacementGroups;
import dev.dstack.backends.WithSweep;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.offer.BackendType;
import dev.dstack.workflows.sweep.Orphan;
import dev.dstack.workflows.sweep.SweepActivities;
import dev.dstack.workflows.sweep.SweepNews;
import dev.dstack.workflows.sweep.SweepTarget;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Compares what the providers have with what open workflows answer for. */
public final class SweepActivitiesImpl implements SweepActivities {
  /** Who is younger may belong to a workflow that does not show yet, here or there. */
  static final Duration GRACE = Duration.ofMinutes(10);

  /** A mistake of ours must not end everything before a person can see it. */
  static final int ENDED_AT_ONCE = 20;

  private static final Logger LOG = LoggerFactory.getLogger(SweepActivitiesImpl.class);

  private final BackendRegistry backends;
  private final Supplier<List<Map.Entry<ProjectId, BackendType>>> configured;
  private final Predicate<InstanceId> isOwned;
  private final Predicate<FleetId> isFleet;
  private final OrphanLog log;
  private final InstantSource clock;

  /**
   * @param configured which project has which backends
   * @param isOwned whether the workflow of this instance is open; throws where that can't be said
   * @param isFleet whether there is such a fleet
   */
  public SweepActivitiesImpl(
      BackendRegistry backends,
      Supplier<List<Map.Entry<ProjectId, BackendType>>> configured,
      Predicate<InstanceId> isOwned,
      Predicate<FleetId> isFleet,
      OrphanLog log,
      InstantSource clock) {
    this.backends = backends;
    this.configured = configured;
    this.isOwned = isOwned;
    this.isFleet = isFleet;
    this.log = log;
    this.clock = clock;
  }

  /** Told of each machine that was ended. */
  public interface OrphanLog {
    void ended(SweepTarget target, Orphan orphan);
  }

  @Override
  public List<SweepTarget> sweepTargets() {
    List<SweepTarget> targets = new ArrayList<>();
    for (Map.Entry<ProjectId, BackendType> one : configured.get()) {
      try {
        if (backends.get(one.getKey(), one.getValue()) instanceof WithSweep sweep) {
          sweep
              .regions()
              .forEach(
                  region -> targets.add(new SweepTarget(one.getKey(), one.getValue(), region)));
        }
      } catch (DstackException e) {
        // One account that can't be asked hides no other.
        LOG.warn("Backend {} of project {} can't be swept now", one.getValue(), one.getKey(), e);
      }
    }
    return targets;
  }

  /** In passing, placement groups of fleets that are gone are removed: they cost nothing. */
  @Override
  public List<Orphan> findOrphans(SweepTarget target) {
    List<Orphan> orphans = orphans(target);
    removeGroups(target);
    return orphans;
  }

  private void removeGroups(SweepTarget target) {
    if (!(backends.get(target.project(), target.backend()) instanceof WithPlacementGroups groups)) {
      return;
    }
    try {
      for (String group : groups.placementGroups(backends.deployment(), target.region())) {
        if (PlacementGroupNames.fleet(group).filter(isFleet.negate()).isPresent()) {
          groups.deletePlacementGroup(group, target.region());
        }
      }
    } catch (DstackException e) {
      LOG.info(
          "Placement groups in {} stay until the next pass: {}", target.region(), e.getMessage());
    }
  }

  private List<Orphan> orphans(SweepTarget target) {
    Instant before = clock.instant().minus(GRACE);
    List<Orphan> orphans = new ArrayList<>();
    Map<InstanceId, Boolean> asked = new HashMap<>();
    for (FoundMachine machine : machines(target)) {
      Instant created = machine.createdAt();
      if (created == null || !created.isBefore(before)) {
        continue;
      }
      if (!asked.computeIfAbsent(machine.tag().instance(), isOwned::test)) {
        orphans.add(
            new Orphan(
                machine.tag().instance(),
                machine.tag().attempt(),
                machine.providerId(),
                machine.name()));
      }
    }
    return orphans;
  }

  @Override
  public SweepNews endOrphans(SweepTarget target, List<Orphan> suspected) {
    WithSweep sweep = sweep(target);
    List<Orphan> still = orphans(target);
    still.retainAll(suspected);
    int ended = 0;
    DstackException failure = null;
    for (Orphan orphan : still) {
      if (ended == ENDED_AT_ONCE) {
        break;
      }
      try {
        sweep.end(target.region(), orphan.providerId());
        ended++;
        log.ended(target, orphan);
        LOG.warn(
            "Ended {} ({}) in {} of {}: it carries this installation's tag and no instance owns it",
            orphan.providerId(),
            orphan.name(),
            target.region(),
            target.backend());
      } catch (DstackException e) {
        LOG.warn("Machine {} without an owner can't be ended now", orphan.providerId(), e);
        failure = e;
      }
    }
    int left = still.size() - ended;
    return new SweepNews(
        ended,
        left,
        "Ended "
            + ended
            + " of "
            + still.size()
            + " machines without an owner"
            + (failure == null ? "." : "; " + failure.getMessage()));
  }

  private List<FoundMachine> machines(SweepTarget target) {
    return sweep(target).machines(backends.deployment(), target.region()).stream()
        .filter(machine -> machine.tag().deployment().equals(backends.deployment()))
        .toList();
  }

  private WithSweep sweep(SweepTarget target) {
    if (backends.get(target.project(), target.backend()) instanceof WithSweep sweep) {
      return sweep;
    }
    throw new DstackException(
        ErrorKind.BACKEND_DENIED, "Backend " + target.backend() + " can't list its machines.");
  }
}
