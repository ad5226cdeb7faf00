package dev.dstack.activities.cloud;

import dev.dstack.activities.host.TaskRemoval;
import dev.dstack.backends.HostAgent;
import dev.dstack.db.Database;
import dev.dstack.db.records.Events;
import dev.dstack.db.records.NewEvent;
import dev.dstack.db.views.EndedJobs;
import dev.dstack.model.agent.TaskInfo;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.ids.JobId;
import dev.dstack.workflows.instance.CloudActivities.MachineOrder;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;

/**
 * Ends on a host what jobs have left there that are over. A job waits for its host for some minutes
 * only; one that was cut off longer still runs what nobody wants, or starts what was submitted on
 * the last moment.
 */
public final class LeftTasks {
  private final Database database;
  private final InstantSource clock;
  private final Duration every;

  /**
   * @param every how often to look on a host that answers all the time
   */
  public LeftTasks(Database database, InstantSource clock, Duration every) {
    this.database = database;
    this.clock = clock;
    this.every = every;
  }

  Watch watch(MachineOrder order) {
    return new Watch(order);
  }

  /** While one host is watched. */
  final class Watch {
    private final MachineOrder order;
    private Instant next = Instant.MIN;

    private Watch(MachineOrder order) {
      this.order = order;
    }

    /** It was silent: what it did meanwhile is not known. */
    void wasSilent() {
      next = Instant.MIN;
    }

    /**
     * Looks when it is time.
     *
     * @throws DstackException when the host can't be asked, or a task does not end yet: try again
     */
    void look(HostAgent agent) throws InterruptedException {
      if (clock.instant().isBefore(next)) {
        return;
      }
      List<TaskInfo> tasks = agent.tasks();
      if (!tasks.isEmpty()) {
        Map<JobId, String> ended =
            EndedJobs.among(database, tasks.stream().map(TaskInfo::id).toList());
        for (TaskInfo task : tasks) {
          String name = ended.get(task.id());
          if (name != null) {
            TaskRemoval.remove(agent, task.id());
            tell(task.id(), name);
          }
        }
      }
      next = clock.instant().plus(every);
    }

    private void tell(JobId job, String name) {
      NewEvent event =
          NewEvent.of(
              clock.instant(),
              "Job was over when its host was there again; what it had left there was removed",
              null,
              new NewEvent.Target("job", job.value(), name, order.projectId()),
              new NewEvent.Target(
                  "instance", order.instance().value(), order.instanceName(), order.projectId()));
      database.transaction(dsl -> Events.write(dsl, List.of(event)));
    }
  }
}
