package dev.dstack.workflows.support;

import dev.dstack.workflows.catalog.CatalogRefreshWorkflowImpl;
import dev.dstack.workflows.fleet.FleetWorkflowImpl;
import dev.dstack.workflows.instance.InstanceWorkflowImpl;
import dev.dstack.workflows.job.JobWorkflowImpl;
import dev.dstack.workflows.run.RunWorkflowImpl;
import dev.dstack.workflows.sweep.SweepPassWorkflowImpl;
import dev.dstack.workflows.sweep.SweepWorkflowImpl;
import dev.dstack.workflows.volume.VolumeWorkflowImpl;
import io.temporal.worker.WorkflowImplementationOptions;
import java.util.List;

/** The workflows that a worker on {@link TaskQueues#CONTROL} registers. */
public final class WorkflowTypes {
  public static final List<Class<?>> ALL =
      List.of(
          RunWorkflowImpl.class,
          JobWorkflowImpl.class,
          FleetWorkflowImpl.class,
          InstanceWorkflowImpl.class,
          CatalogRefreshWorkflowImpl.class,
          SweepPassWorkflowImpl.class,
          SweepWorkflowImpl.class,
          VolumeWorkflowImpl.class);

  private WorkflowTypes() {}

  public static Class<?>[] all() {
    return ALL.toArray(Class<?>[]::new);
  }

  /**
   * No exception but an ApplicationFailure ends a workflow: any other repeats its task until the
   * code is mended, and then it goes on.
   */
  public static WorkflowImplementationOptions options() {
    return WorkflowImplementationOptions.getDefaultInstance();
  }
}
