package dev.dstack.workflows.volume;

import dev.dstack.model.ids.JobId;
import io.temporal.workflow.QueryMethod;
import io.temporal.workflow.SignalMethod;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;

/** One volume, from its creation to its deletion. Workflow id: {@code volume:{project}:{name}}. */
@WorkflowInterface
public interface VolumeWorkflow {
  @WorkflowMethod(name = "Volume")
  void run(VolumeInput input);

  /** The answer is asked for with {@link #answer}. */
  @SignalMethod
  void attach(AttachRequest request);

  /** The job is over, or does not want it any more; unknown is success. */
  @SignalMethod
  void detach(JobId job);

  /** Refused, and shown as such, while a job has it. */
  @SignalMethod
  void delete();

  @QueryMethod
  VolumeAnswer answer(JobId job);

  @QueryMethod
  VolumeState state();
}
