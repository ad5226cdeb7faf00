package dev.dstack.activities.sweep;

import dev.dstack.activities.backend.BackendRegistry;
import dev.dstack.activities.cloud.PlacementGroupNames;
import dev.dstack.backends.FoundMachine;
import dev.dstack.backends.FoundVolume;
import dev.dstack.backends.WithPlacementGroups;
import dev.dstack.backends.WithSweep;
import dev.dstack.backends.WithVolumeSweep;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.VolumeId;
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
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Compares what the providers have with what open workflows answer for, and with the volumes that
 * were deleted.
 */
public final class SweepActivitiesImpl implements SweepActivities {
  /** Who is younger may belong to a workflow that does not show yet, here or there. */
  static final Duration GRACE = Duration.ofMinutes(10);

  /** A mistake of ours must not end everything before a person can see it. */
  static final int ENDED_AT_ONCE = 20;

  /** In the words of a dry run. */
  private static final int NAMED = 50;

  private static final Logger LOG = LoggerFactory.getLogger(SweepActivitiesImpl.class);

  private final BackendRegistry backends;
  private final Supplier<List<Map.Entry<ProjectId, BackendType>>> configured;
  private final Owners owners;
  private final OrphanLog log;
  private final InstantSource clock;
  private final boolean dryRun;

  /**
   * Each throws where it can't be said.
   *
   * @param isOwned whether the workflow of this instance is open
   * @param isFleet whether there is such a fleet
   * @param isDeleted whether the volume was deleted here, for all that we know
   */
  public record Owners(
      Predicate<InstanceId> isOwned, Predicate<FleetId> isFleet, Predicate<VolumeId> isDeleted) {}

  /**
   * @param configured which project has which backends
   * @param dryRun nothing is ended, only told
   */
  public SweepActivitiesImpl(
      BackendRegistry backends,
      Supplier<List<Map.Entry<ProjectId, BackendType>>> configured,
      Owners owners,
      OrphanLog log,
      InstantSource clock,
      boolean dryRun) {
    this.backends = backends;
    this.configured = configured;
    this.owners = owners;
    this.log = log;
    this.clock = clock;
    this.dryRun = dryRun;
  }

  /** Told of each machine and volume that was ended. */
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
    if (!dryRun) {
      removeGroups(target);
    }
    return orphans;
  }

  private void removeGroups(SweepTarget target) {
    if (!(backends.get(target.project(), target.backend()) instanceof WithPlacementGroups groups)) {
      return;
    }
    try {
      for (String group : groups.placementGroups(backends.deployment(), target.region())) {
        if (PlacementGroupNames.fleet(group).filter(owners.isFleet().negate()).isPresent()) {
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
      if (isOlder(machine.createdAt(), before)
          && !asked.computeIfAbsent(machine.tag().instance(), owners.isOwned()::test)) {
        orphans.add(
            new Orphan(
                machine.tag().instance(),
                machine.tag().attempt(),
                machine.providerId(),
                machine.name()));
      }
    }
    // One without any record stays: it may hold what somebody needs, and its record may have gone
    // with a database that had to be restored.
    if (sweep(target) instanceof WithVolumeSweep sweep) {
      for (FoundVolume volume : sweep.volumes(backends.deployment(), target.region())) {
        if (isOlder(volume.createdAt(), before) && owners.isDeleted().test(volume.volume())) {
          orphans.add(Orphan.of(volume.volume(), volume.providerId(), volume.name()));
        }
      }
    }
    return orphans;
  }

  private static boolean isOlder(@Nullable Instant created, Instant before) {
    return created != null && created.isBefore(before);
  }

  @Override
  public SweepNews endOrphans(SweepTarget target, List<Orphan> suspected) {
    List<Orphan> still = orphans(target);
    still.retainAll(suspected);
    if (dryRun) {
      return told(target, still);
    }
    int ended = 0;
    DstackException failure = null;
    for (Orphan orphan : still) {
      if (ended == ENDED_AT_ONCE) {
        break;
      }
      try {
        end(target, orphan);
        ended++;
        log.ended(target, orphan);
        LOG.warn(
            "Ended {} in {} of {}: it carries this installation's tag and nothing owns it",
            orphan,
            target.region(),
            target.backend());
      } catch (DstackException e) {
        LOG.warn("The {} without an owner can't be ended now", orphan, e);
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
            + " without an owner"
            + (failure == null ? "." : "; " + failure.getMessage()));
  }

  private void end(SweepTarget target, Orphan orphan) {
    WithSweep sweep = sweep(target);
    if (orphan.volume() == null) {
      sweep.end(target.region(), orphan.providerId());
    } else if (sweep instanceof WithVolumeSweep volumes) {
      volumes.endVolume(target.region(), orphan.providerId());
    }
  }

  /** What a pass would end, for the result of its workflow and for the server's log. */
  private static SweepNews told(SweepTarget target, List<Orphan> orphans) {
    for (Orphan orphan : orphans) {
      LOG.warn(
          "Would end {} in {} of {}, which nothing owns, but this is a dry run",
          orphan,
          target.region(),
          target.backend());
    }
    String names =
        orphans.stream().limit(NAMED).map(Orphan::toString).collect(Collectors.joining(", "));
    int more = orphans.size() - NAMED;
    return new SweepNews(
        0,
        orphans.size(),
        orphans.isEmpty()
            ? "Would end nothing."
            : "Would end " + names + (more > 0 ? " and " + more + " more" : "") + ".");
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
