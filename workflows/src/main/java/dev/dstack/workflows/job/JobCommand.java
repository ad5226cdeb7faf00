package dev.dstack.workflows.job;

import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.workflows.view.JobView;
import java.time.Duration;

/** What a job's workflow is to do next, in this order. */
sealed interface JobCommand {
  record AttachVolumes() implements JobCommand {}

  record CancelAttach() implements JobCommand {}

  record Submit() implements JobCommand {}

  record CancelSubmit() implements JobCommand {}

  record Watch(long sinceSeq) implements JobCommand {}

  record CancelWatch() implements JobCommand {}

  record AskAgentToStop(JobTerminationReason reason, Duration grace) implements JobCommand {}

  /** Removes the task from the host, killing it if it still runs, and detaches the volumes. */
  record CleanUp() implements JobCommand {}

  record Show(JobView view) implements JobCommand {}

  record Tell(JobReport report) implements JobCommand {}
}
