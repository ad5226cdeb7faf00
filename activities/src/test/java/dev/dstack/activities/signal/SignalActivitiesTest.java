package dev.dstack.activities.signal;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.RunId;
import dev.dstack.workflows.fleet.FleetInput;
import dev.dstack.workflows.fleet.FleetPlan;
import dev.dstack.workflows.fleet.FleetState;
import dev.dstack.workflows.fleet.FleetWhy;
import dev.dstack.workflows.fleet.FleetWorkflow;
import dev.dstack.workflows.fleet.InstanceRemoval;
import dev.dstack.workflows.fleet.ReleaseRequest;
import dev.dstack.workflows.fleet.ReserveRequest;
import dev.dstack.workflows.instance.InstanceReport;
import dev.dstack.workflows.job.JobStop;
import dev.dstack.workflows.support.DataConverters;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.testing.TestEnvironmentOptions;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.workflow.Workflow;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class SignalActivitiesTest {
  private static final RunId RUN = new RunId(new UUID(0, 7));
  private TestWorkflowEnvironment temporal;
  private WorkflowClient client;
  private SignalActivitiesImpl signals;

  /** Ends with the first release and tells what came before. */
  public static final class Recorder implements FleetWorkflow {
    private int reserved;
    private boolean released;

    @Override
    public void run(FleetInput input) {
      Workflow.await(() -> released && reserved == 2);
    }

    @Override
    public void reserve(ReserveRequest request) {
      reserved++;
    }

    @Override
    public void release(ReleaseRequest request) {
      released = request.run().equals(RUN);
    }

    @Override
    public void instanceReported(InstanceReport report) {}

    @Override
    public void reconfigure(FleetPlan plan) {}

    @Override
    public void delete() {}

    @Override
    public FleetState state() {
      throw new UnsupportedOperationException();
    }

    @Override
    public void deleteInstances(InstanceRemoval removal) {
      throw new UnsupportedOperationException();
    }

    @Override
    public FleetWhy why(RunId run) {
      throw new UnsupportedOperationException();
    }
  }

  @BeforeEach
  void open() {
    temporal =
        TestWorkflowEnvironment.newInstance(
            TestEnvironmentOptions.newBuilder()
                .setWorkflowClientOptions(
                    WorkflowClientOptions.newBuilder()
                        .setDataConverter(DataConverters.create())
                        .build())
                .build());
    temporal.newWorker("q").registerWorkflowImplementationTypes(Recorder.class);
    temporal.start();
    client = temporal.getWorkflowClient();
    signals = new SignalActivitiesImpl(client);
  }

  @AfterEach
  void close() {
    temporal.close();
  }

  @Test
  void reachesWhoIsThereAndForgivesWhoIsNot() {
    FleetWorkflow fleet =
        client.newWorkflowStub(
            FleetWorkflow.class,
            WorkflowOptions.newBuilder().setWorkflowId("fleet:main:f").setTaskQueue("q").build());
    WorkflowClient.start(
        fleet::run,
        new FleetInput(
            new FleetId(new UUID(0, 1)),
            new ProjectId(new UUID(0, 2)),
            "main",
            "f",
            Instant.EPOCH,
            null,
            null));

    assertThat(signals.closedWorkflows(List.of("fleet:main:f", "run:main:unknown")))
        .containsExactly("run:main:unknown");
    assertThat(signals.fleetReserve("fleet:main:f", reserve())).isTrue();
    assertThat(signals.fleetReserve("fleet:main:f", reserve())).isTrue();
    signals.fleetRelease("fleet:main:f", ReleaseRequest.all(RUN));
    WorkflowStub.fromTyped(fleet).getResult(Void.class);

    assertThat(signals.closedWorkflows(List.of("fleet:main:f"))).containsExactly("fleet:main:f");
    assertThat(signals.fleetReserve("fleet:main:f", reserve())).isFalse();
    signals.fleetRelease("fleet:main:f", ReleaseRequest.all(RUN));
    signals.jobStop(
        "job:none",
        new JobStop(
            dev.dstack.model.job.JobTerminationReason.TERMINATED_BY_USER, "", Duration.ZERO));
  }

  private static ReserveRequest reserve() {
    return new ReserveRequest(
        "r", "run:main:r", RUN, "r", 0, Instant.EPOCH, List.of(), null, false);
  }
}
