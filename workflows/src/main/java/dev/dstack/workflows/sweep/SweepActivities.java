package dev.dstack.workflows.sweep;

import io.temporal.activity.ActivityInterface;
import java.util.List;

/** Looks for machines and volumes without an owner and ends them. All of it may be repeated. */
@ActivityInterface(namePrefix = "sweep.")
public interface SweepActivities {
  /** Every region of every configured backend that can list its machines. */
  List<SweepTarget> sweepTargets();

  /**
   * Machines that are older than the grace and have no open owner, and volumes that are as old and
   * were deleted here. The provider is asked first: what is made after that is not in its answer.
   */
  List<Orphan> findOrphans(SweepTarget target);

  /**
   * Ends those of them that are still there and still have no owner, at most so many that a mistake
   * can be stopped by a person.
   */
  SweepNews endOrphans(SweepTarget target, List<Orphan> suspected);
}
