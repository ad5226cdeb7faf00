package dev.dstack.workflows.sweep;

import dev.dstack.workflows.support.Failures;
import dev.dstack.workflows.support.Options;
import dev.dstack.workflows.support.Options.Call;
import io.temporal.failure.ActivityFailure;
import io.temporal.workflow.Workflow;
import java.time.Duration;
import java.util.List;

/** Looks twice before it ends anything: a machine must be without an owner both times. */
public final class SweepWorkflowImpl implements SweepWorkflow {
  static final Duration SECOND_LOOK_AFTER = Duration.ofMinutes(1);

  @Override
  public SweepNews sweep(SweepTarget target) {
    String where = target.backend() + " in " + target.region();
    SweepActivities activities =
        Workflow.newActivityStub(SweepActivities.class, Options.of(Call.SWEEP, "sweep " + where));
    try {
      List<Orphan> suspected = activities.findOrphans(target);
      if (suspected.isEmpty()) {
        return SweepNews.NOTHING;
      }
      Workflow.newTimer(SECOND_LOOK_AFTER, Options.timer("look again at " + suspected.size()))
          .get();
      return activities.endOrphans(target, suspected);
    } catch (ActivityFailure e) {
      // The next pass begins anew; a region that can't be asked is told, not tried for ever.
      return new SweepNews(0, 0, "Could not sweep " + where + ": " + Failures.message(e));
    }
  }
}
