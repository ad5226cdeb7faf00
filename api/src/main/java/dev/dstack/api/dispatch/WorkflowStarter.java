package dev.dstack.api.dispatch;

import dev.dstack.db.records.FleetRecord;
import dev.dstack.db.records.RunRecord;
import dev.dstack.db.records.RunSubmissions.Stop;
import dev.dstack.db.records.RunSubmissions.Update;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.WorkflowIds;
import dev.dstack.model.json.Json;
import dev.dstack.workflows.fleet.FleetInput;
import dev.dstack.workflows.fleet.FleetPlan;
import dev.dstack.workflows.fleet.FleetWorkflow;
import dev.dstack.workflows.run.RunInput;
import dev.dstack.workflows.run.RunPlan;
import dev.dstack.workflows.run.RunStop;
import dev.dstack.workflows.run.RunUpdate;
import dev.dstack.workflows.run.RunWorkflow;
import dev.dstack.workflows.support.SearchAttributes;
import dev.dstack.workflows.support.TaskQueues;
import io.temporal.api.enums.v1.WorkflowIdConflictPolicy;
import io.temporal.api.enums.v1.WorkflowIdReusePolicy;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowExecutionAlreadyStarted;
import io.temporal.client.WorkflowNotFoundException;
import io.temporal.client.WorkflowOptions;
import io.temporal.common.SearchAttributes.Builder;
import java.time.Duration;
import java.util.Map;
import java.util.function.Supplier;

/** Starts and signals workflows. Every call may be repeated. */
public final class WorkflowStarter {
  /** Says in a workflow's memo which noun of that name it is. */
  private static final String MEMO_ID = "id";

  /** How long the workflow of an earlier run may take to close after its last projection. */
  private static final Duration CLOSING_WAIT = Duration.ofSeconds(2);

  private static final Duration CLOSING_POLL = Duration.ofMillis(50);

  private final Supplier<WorkflowClient> client;

  /**
   * @param client asked at each call, because an embedded Temporal comes up later than the API
   */
  public WorkflowStarter(Supplier<WorkflowClient> client) {
    this.client = client;
  }

  /**
   * @throws DstackException NOT_READY while an earlier run of the name is still closing
   */
  public void start(RunRecord run) {
    RunPlan plan = Json.lenient().readValue(run.planJson(), RunPlan.class);
    RunInput input =
        RunInput.first(
            run.id(),
            run.projectId(),
            run.project(),
            run.runName(),
            run.userId(),
            run.user(),
            run.submittedAt(),
            plan);
    WorkflowOptions options =
        options(WorkflowIds.run(run.project(), run.runName()), run.id().toString())
            .setTypedSearchAttributes(
                attributes(run.project(), "submitted")
                    .set(SearchAttributes.RUN, run.runName())
                    .set(SearchAttributes.USER, run.user())
                    .build())
            .setStaticSummary(plan.type() + " " + run.runName() + " of " + run.user())
            .build();
    RunWorkflow workflow = client.get().newWorkflowStub(RunWorkflow.class, options);
    startOnce(
        options.getWorkflowId(),
        run.id().toString(),
        () -> WorkflowClient.start(workflow::run, input));
  }

  /** Starts a fleet's workflow, or brings it up to date with what is wished. */
  public void carry(FleetRecord fleet) {
    FleetPlan plan = Json.lenient().readValue(fleet.planJson(), FleetPlan.class);
    String id = WorkflowIds.fleet(fleet.project(), fleet.name());
    if (!fleet.started()) {
      FleetInput input =
          FleetInput.first(
              fleet.id(),
              fleet.projectId(),
              fleet.project(),
              fleet.name(),
              fleet.createdAt(),
              plan);
      WorkflowOptions options =
          options(id, fleet.id().toString())
              .setTypedSearchAttributes(
                  attributes(fleet.project(), "active")
                      .set(SearchAttributes.FLEET, fleet.name())
                      .set(SearchAttributes.BACKEND, plan.backend().name())
                      .build())
              .setStaticSummary("fleet " + fleet.name() + " on " + plan.backend())
              .build();
      FleetWorkflow workflow = client.get().newWorkflowStub(FleetWorkflow.class, options);
      startOnce(id, fleet.id().toString(), () -> WorkflowClient.start(workflow::run, input));
    }
    FleetWorkflow workflow = client.get().newWorkflowStub(FleetWorkflow.class, id);
    try {
      if (fleet.started()) {
        workflow.reconfigure(plan);
      }
      if (fleet.deleteRequested()) {
        workflow.delete();
      }
    } catch (WorkflowNotFoundException e) {
      // It has ended; there is nobody left to tell.
    }
  }

  public void stop(Stop stop) {
    signal(
        stop.project(),
        stop.runName(),
        run -> run.stop(new RunStop(stop.run(), stop.abort(), stop.user())));
  }

  public void update(Update update) {
    signal(
        update.project(),
        update.runName(),
        run -> run.update(new RunUpdate(update.run(), update.priority(), update.deploymentNum())));
  }

  private void signal(
      String project, String runName, java.util.function.Consumer<RunWorkflow> send) {
    try {
      send.accept(
          client.get().newWorkflowStub(RunWorkflow.class, WorkflowIds.run(project, runName)));
    } catch (WorkflowNotFoundException e) {
      // It has ended by itself meanwhile.
    }
  }

  private void startOnce(String workflowId, String nounId, Runnable start) {
    long until = System.nanoTime() + CLOSING_WAIT.toNanos();
    while (true) {
      try {
        start.run();
        return;
      } catch (WorkflowExecutionAlreadyStarted e) {
        if (nounId.equals(memoOf(workflowId))) {
          return;
        }
        if (System.nanoTime() > until) {
          throw new DstackException(
              ErrorKind.NOT_READY, "An earlier workflow " + workflowId + " has not closed yet", e);
        }
        pause();
      }
    }
  }

  private String memoOf(String workflowId) {
    try {
      String id =
          client
              .get()
              .newUntypedWorkflowStub(workflowId)
              .describe()
              .getMemo(MEMO_ID, String.class, String.class);
      return id == null ? "" : id;
    } catch (WorkflowNotFoundException e) {
      return "";
    }
  }

  private static void pause() {
    try {
      Thread.sleep(CLOSING_POLL);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new DstackException(ErrorKind.NOT_READY, "The server is shutting down", e);
    }
  }

  private static Builder attributes(String project, String status) {
    return io.temporal.common.SearchAttributes.newBuilder()
        .set(SearchAttributes.PROJECT, project)
        .set(SearchAttributes.STATUS, status);
  }

  private static WorkflowOptions.Builder options(String workflowId, String nounId) {
    return WorkflowOptions.newBuilder()
        .setWorkflowId(workflowId)
        .setTaskQueue(TaskQueues.CONTROL)
        .setWorkflowIdReusePolicy(WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE)
        .setWorkflowIdConflictPolicy(WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_FAIL)
        .setMemo(Map.of(MEMO_ID, nounId));
  }
}
