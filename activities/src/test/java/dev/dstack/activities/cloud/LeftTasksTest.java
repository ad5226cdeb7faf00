package dev.dstack.activities.cloud;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.activities.AgentProcess;
import dev.dstack.activities.Fixture;
import dev.dstack.activities.host.HttpHostAgent;
import dev.dstack.backends.HostAgent;
import dev.dstack.db.views.EventQuery;
import dev.dstack.db.views.EventReader;
import dev.dstack.db.views.EventRow;
import dev.dstack.db.views.JobViewRow;
import dev.dstack.db.views.ViewWriter;
import dev.dstack.model.agent.TaskInfo;
import dev.dstack.model.agent.TaskRequest;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.job.JobStatus;
import dev.dstack.model.offer.Availability;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.resources.CpuArch;
import dev.dstack.model.resources.Resources;
import dev.dstack.workflows.instance.CloudActivities.MachineOrder;
import java.net.http.HttpClient;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A real agent on which jobs of several fates have left their tasks. */
class LeftTasksTest {
  private final Fixture fixture = new Fixture();
  private final HttpClient http = HttpHostAgent.client();
  private final InstanceId host = new InstanceId(UUID.randomUUID());

  @AfterEach
  void close() {
    http.close();
    fixture.close();
  }

  @Test
  void whatAnEndedJobLeftIsEndedAndNothingElse() throws Exception {
    try (AgentProcess process = new AgentProcess(fixture.serverDir.resolve("agent"));
        HostAgent agent = new HttpHostAgent(http, process.address())) {
      JobId wanted = submit(agent, JobStatus.RUNNING);
      JobId foreign = submit(agent, null);
      JobId stopped = submit(agent, JobStatus.TERMINATED);
      LeftTasks tasks = new LeftTasks(fixture.worker, fixture.clock, Duration.ofDays(1));
      LeftTasks.Watch watch = tasks.watch(order());

      watch.look(agent);
      assertThat(agent.tasks())
          .extracting(TaskInfo::id)
          .containsExactlyInAnyOrder(wanted, foreign)
          .doesNotContain(stopped);
      assertThat(agent.tasks()).noneMatch(task -> task.status().isFinal());

      JobId late = submit(agent, JobStatus.ABORTED);
      watch.look(agent);
      assertThat(agent.tasks()).as("it is not time yet").hasSize(3);
      watch.wasSilent();
      watch.look(agent);
      assertThat(agent.tasks()).extracting(TaskInfo::id).doesNotContain(late).hasSize(2);
      assertThat(
              new EventReader(fixture.api)
                  .list(new EventQuery(null, null, null, null, null, null, null, 10, false)))
          .extracting(EventRow::message)
          .filteredOn(message -> message.contains("left there was removed"))
          .hasSize(2);
      agent.tasks().forEach(task -> end(agent, task.id()));
    }
  }

  private void end(HostAgent agent, JobId task) {
    show(task, JobStatus.ABORTED, 2);
    Fixture.await(
        "the task is gone",
        () -> {
          try {
            new LeftTasks(fixture.worker, fixture.clock, Duration.ZERO).watch(order()).look(agent);
          } catch (InterruptedException e) {
            throw new AssertionError(e);
          }
          return agent.tasks().stream().noneMatch(one -> one.id().equals(task));
        });
  }

  private JobId submit(HostAgent agent, JobStatus shown) {
    JobId id = new JobId(UUID.randomUUID());
    agent.submit(
        new TaskRequest(
            id,
            "left",
            List.of("/bin/sh", "-c", "trap '' TERM; sleep 3600"),
            Map.of(),
            null,
            null,
            List.of(),
            null,
            5,
            0));
    if (shown != null) {
      show(id, shown, 1);
    }
    return id;
  }

  private void show(JobId id, JobStatus status, long revision) {
    Instant now = fixture.clock.instant();
    new ViewWriter(fixture.worker)
        .writeJob(
            new JobViewRow(
                id,
                new RunId(UUID.randomUUID()),
                fixture.project,
                0,
                0,
                0,
                "left-0-0",
                revision,
                status,
                "",
                null,
                null,
                null,
                host,
                null,
                null,
                null,
                null,
                now,
                now,
                null,
                null,
                Map.of(),
                null,
                null,
                List.of()),
            new ArrayList<>());
  }

  private MachineOrder order() {
    Resources resources = new Resources(CpuArch.X86, 2, 1024, 1024, List.of(), false);
    return new MachineOrder(
        host,
        1,
        "fleet-0",
        fixture.project,
        "main",
        new Offer(
            new BackendType("cloud"),
            "small",
            "here",
            resources,
            0.5,
            Availability.AVAILABLE,
            Map.of()));
  }
}
