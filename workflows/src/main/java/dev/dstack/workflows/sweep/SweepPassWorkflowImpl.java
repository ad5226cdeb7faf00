package dev.dstack.workflows.sweep;

import dev.dstack.model.ids.WorkflowIds;
import dev.dstack.workflows.support.Options;
import dev.dstack.workflows.support.Options.Call;
import dev.dstack.workflows.support.SearchAttributes;
import io.temporal.workflow.Async;
import io.temporal.workflow.Promise;
import io.temporal.workflow.Workflow;
import java.util.ArrayList;
import java.util.List;

/** All regions at once; one that fails or is still under way hides no other. */
public final class SweepPassWorkflowImpl implements SweepPassWorkflow {
  @Override
  public SweepNews pass() {
    SweepActivities activities =
        Workflow.newActivityStub(
            SweepActivities.class, Options.of(Call.SWEEP, "list regions to sweep"));
    List<Promise<SweepNews>> under = new ArrayList<>();
    for (SweepTarget target : activities.sweepTargets()) {
      String where = target.backend() + " in " + target.region();
      SweepWorkflow child =
          Workflow.newChildWorkflowStub(
              SweepWorkflow.class,
              Options.repeatedChild(
                  WorkflowIds.sweep(target.project(), target.backend().name(), target.region()),
                  "sweep " + where,
                  io.temporal.common.SearchAttributes.newBuilder()
                      .set(SearchAttributes.BACKEND, target.backend().name())
                      .build()));
      under.add(
          Async.function(child::sweep, target)
              .exceptionally(
                  failure -> new SweepNews(0, 0, where + " was not swept in this pass.")));
    }
    int ended = 0;
    int left = 0;
    for (Promise<SweepNews> one : under) {
      SweepNews news = one.get();
      ended += news.ended();
      left += news.left();
    }
    return new SweepNews(
        ended,
        left,
        "Looked into " + under.size() + " regions, ended " + ended + " without an owner.");
  }
}
