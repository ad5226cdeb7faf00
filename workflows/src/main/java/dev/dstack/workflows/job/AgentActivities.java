package dev.dstack.workflows.job;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.job.JobTerminationReason;
import io.temporal.activity.ActivityInterface;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Calls to the host agent of the instance a job is placed on. All of them may be repeated with the
 * same arguments.
 */
@ActivityInterface(namePrefix = "agent.")
public interface AgentActivities {
  /**
   * Loads what the run's owner has given (commands, environment, secrets, files), sends it to the
   * agent, and waits a moment for the start. Fails with an {@link dev.dstack.model.error.ErrorKind}
   * as type: SECRET_NOT_FOUND, FILE_NOT_FOUND, AGENT_REFUSED are final; AGENT_UNREACHABLE is
   * retried until its deadline.
   */
  TaskNews submitTask(TaskRef task);

  /**
   * Copies the log to the log store as it grows and returns when the task's status has changed from
   * what {@code sinceSeq} stands for. When it returns {@link TaskNews.Exited}, the log store has
   * the whole log. Heartbeats.
   *
   * @param ending it is on its way to its end, so the rules of the run do not matter any more
   */
  TaskNews watchTask(TaskRef task, long sinceSeq, boolean ending);

  /**
   * TERM, then KILL after the grace. Returns at once; the watch tells the end. No such task: {@code
   * false}.
   */
  boolean stopTask(TaskRef task, JobTerminationReason reason, Duration grace);

  /** Forgets an exited task and its files; kills one that still runs. Unknown is success. */
  void removeTask(TaskRef task);

  /**
   * Which task, on which host, of which run.
   *
   * @param submissionNum absent: its replica has one node
   */
  record TaskRef(
      JobId job,
      RunId run,
      ProjectId projectId,
      String project,
      String runName,
      int replicaNum,
      int jobNum,
      InstanceId instance,
      @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Integer submissionNum) {
    /** Of a replica with one node. */
    public TaskRef(
        JobId job,
        RunId run,
        ProjectId projectId,
        String project,
        String runName,
        int replicaNum,
        int jobNum,
        InstanceId instance) {
      this(job, run, projectId, project, runName, replicaNum, jobNum, instance, null);
    }
  }
}
