package dev.dstack.activities.sweep;

import com.google.protobuf.ByteString;
import dev.dstack.activities.host.AgentDirectory;
import dev.dstack.activities.projection.ProjectionActivitiesImpl;
import dev.dstack.backends.HostAgent;
import dev.dstack.db.views.JobViewRow;
import dev.dstack.db.views.RunReader;
import dev.dstack.db.views.RunRow;
import dev.dstack.db.views.RunViewRow;
import dev.dstack.model.agent.StopRequest;
import dev.dstack.model.agent.TaskInfo;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.ids.WorkflowIds;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.model.run.RunTerminationReason;
import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.fleet.ReleaseRequest;
import dev.dstack.workflows.job.JobInput;
import dev.dstack.workflows.job.JobStop;
import dev.dstack.workflows.support.Facts;
import dev.dstack.workflows.support.SignalActivities;
import dev.dstack.workflows.view.RunView;
import io.grpc.StatusRuntimeException;
import io.temporal.api.common.v1.WorkflowExecution;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.api.workflow.v1.WorkflowExecutionInfo;
import io.temporal.api.workflowservice.v1.GetWorkflowExecutionHistoryRequest;
import io.temporal.api.workflowservice.v1.ListWorkflowExecutionsRequest;
import io.temporal.api.workflowservice.v1.ListWorkflowExecutionsResponse;
import io.temporal.client.WorkflowClient;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Anybody may terminate a workflow by hand, and then nobody is left to undo what it did. This looks
 * for such runs and jobs: what runs is stopped, what was claimed is given back, and the run shows
 * how it ended. Everything is safe to do twice, so any number of workers may look.
 */
public final class EndedByHand implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(EndedByHand.class);
  private static final Duration EVERY = Duration.ofSeconds(20);
  private static final Duration LOOK_BACK = Duration.ofDays(1);

  /** Its run may be about to show the end by itself. */
  private static final Duration SETTLED = Duration.ofSeconds(15);

  private static final Duration GRACE = Duration.ofSeconds(30);
  private static final int PAGE = 200;
  private static final String WORDS = "its workflow was ended by hand";

  private final WorkflowClient client;
  private final SignalActivities signals;
  private final RunReader runs;
  private final ProjectionActivitiesImpl views;
  private final AgentDirectory agents;
  private final InstantSource clock;

  /** Executions with which nothing is left to do. */
  private final Set<String> done = new HashSet<>();

  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("dstack-ended-by-hand").factory());

  public EndedByHand(
      WorkflowClient client,
      SignalActivities signals,
      RunReader runs,
      ProjectionActivitiesImpl views,
      AgentDirectory agents,
      InstantSource clock) {
    this.client = client;
    this.signals = signals;
    this.runs = runs;
    this.views = views;
    this.agents = agents;
    this.clock = clock;
  }

  public void start() {
    timer.scheduleWithFixedDelay(
        this::sweepQuietly, EVERY.toSeconds(), EVERY.toSeconds(), TimeUnit.SECONDS);
  }

  @Override
  public void close() {
    timer.shutdownNow();
  }

  private void sweepQuietly() {
    try {
      sweep();
    } catch (StatusRuntimeException | DstackException e) {
      LOG.debug("Could not look for workflows that were ended by hand", e);
    } catch (RuntimeException e) {
      LOG.warn("Could not look for workflows that were ended by hand", e);
    }
  }

  private void sweep() {
    String query =
        "WorkflowType IN ('Run', 'Job') AND ExecutionStatus IN ('Terminated', 'TimedOut', 'Failed')"
            + " AND CloseTime > '"
            + clock.instant().minus(LOOK_BACK)
            + "'";
    Set<String> seen = new HashSet<>();
    ByteString next = ByteString.EMPTY;
    do {
      ListWorkflowExecutionsResponse page =
          client
              .getWorkflowServiceStubs()
              .blockingStub()
              .listWorkflowExecutions(
                  ListWorkflowExecutionsRequest.newBuilder()
                      .setNamespace(client.getOptions().getNamespace())
                      .setQuery(query)
                      .setPageSize(PAGE)
                      .setNextPageToken(next)
                      .build());
      for (WorkflowExecutionInfo info : page.getExecutionsList()) {
        String execution = info.getExecution().getRunId();
        seen.add(execution);
        if (!done.contains(execution) && tidy(info)) {
          done.add(execution);
        }
      }
      next = page.getNextPageToken();
    } while (!next.isEmpty());
    done.retainAll(seen);
  }

  /** True when nothing is left to do. */
  private boolean tidy(WorkflowExecutionInfo info) {
    String workflowId = info.getExecution().getWorkflowId();
    Instant closed =
        Instant.ofEpochSecond(info.getCloseTime().getSeconds(), info.getCloseTime().getNanos());
    try {
      return info.getType().getName().equals("Run")
          ? tidyRun(workflowId, info)
          : tidyJob(info.getExecution(), closed);
    } catch (DstackException e) {
      // Such as an agent that is away: next time.
      LOG.debug("{} was ended by hand and can't be put in order now", workflowId, e);
      return false;
    }
  }

  private boolean tidyRun(String workflowId, WorkflowExecutionInfo info) {
    RunId id = noun(info);
    RunRow run = id == null ? null : runs.get(id).orElse(null);
    if (run == null || run.status().isFinal() || goesOn(workflowId, run.id())) {
      return true;
    }
    boolean quiet = true;
    for (JobViewRow job : run.jobs()) {
      if (!job.status().isFinal()) {
        quiet = false;
        // One that is closed as well is found by itself.
        signals.jobStop(
            WorkflowIds.job(run.id(), job.replicaNum(), job.jobNum(), job.submissionNum()),
            new JobStop(JobTerminationReason.TERMINATED_BY_SERVER, "its run is over", GRACE));
      }
    }
    if (quiet) {
      end(run);
      LOG.info("Run {} of {} is over: {}", run.runName(), run.project(), WORDS);
    }
    return quiet;
  }

  private void end(RunRow run) {
    RunViewRow view = run.view();
    RunViewRow.Fleet fleet = view == null ? null : view.fleet();
    if (fleet != null) {
      signals.fleetRelease(
          WorkflowIds.fleet(fleet.project(), fleet.name()), ReleaseRequest.all(run.id()));
    }
    Instant now = clock.instant();
    RunTerminationReason reason = RunTerminationReason.SERVER_ERROR;
    views.projectRun(
        new RunView(
            run.id(),
            run.projectId(),
            view == null ? 1 : view.revision() + 1,
            reason.finalStatus(),
            WORDS,
            reason,
            "Its workflow was ended by hand in Temporal, and so was the run.",
            fleet == null ? null : new FleetRef(fleet.id(), fleet.project(), fleet.name()),
            now,
            null,
            run.priority(),
            run.deploymentNum(),
            List.of(
                Facts.statusChanged(
                    now,
                    "Run",
                    run.status(),
                    reason.finalStatus(),
                    reason,
                    Facts.run(run.id(), run.runName()))),
            List.of()));
  }

  private boolean tidyJob(WorkflowExecution execution, Instant closed) {
    // A workflow that was reset is closed, and goes on under the same id.
    if (signals.closedWorkflows(List.of(execution.getWorkflowId())).isEmpty()) {
      return true;
    }
    // What is shown may have lost the machine together with the workflow.
    JobInput input = input(execution);
    if (!removed(input)) {
      return false;
    }
    boolean shown =
        runs.get(input.run()).stream()
            .flatMap(run -> run.jobs().stream())
            .filter(job -> job.id().equals(input.id()))
            .allMatch(job -> job.status().isFinal());
    if (!shown) {
      if (clock.instant().isBefore(closed.plus(SETTLED))) {
        return false;
      }
      views.endJob(input.id(), JobTerminationReason.TERMINATED_BY_SERVER, WORDS, clock.instant());
    }
    return true;
  }

  private JobInput input(WorkflowExecution execution) {
    HistoryEvent first =
        client
            .getWorkflowServiceStubs()
            .blockingStub()
            .getWorkflowExecutionHistory(
                GetWorkflowExecutionHistoryRequest.newBuilder()
                    .setNamespace(client.getOptions().getNamespace())
                    .setExecution(execution)
                    .setMaximumPageSize(1)
                    .build())
            .getHistory()
            .getEvents(0);
    return client
        .getOptions()
        .getDataConverter()
        .fromPayloads(
            0,
            Optional.of(first.getWorkflowExecutionStartedEventAttributes().getInput()),
            JobInput.class,
            JobInput.class);
  }

  /** True when its host knows nothing of it any more. */
  private boolean removed(JobInput job) {
    try {
      HostAgent agent = agents.agentOf(job.placement().instance());
      Optional<TaskInfo> task =
          agent.stop(
              job.id(),
              new StopRequest(JobTerminationReason.TERMINATED_BY_SERVER, GRACE.toSeconds()));
      if (task.isPresent() && !task.get().status().isFinal()) {
        return false;
      }
      agent.remove(job.id());
      return true;
    } catch (DstackException e) {
      if (e.kind() == ErrorKind.HOST_LOST) {
        return true;
      }
      throw e;
    }
  }

  private static @Nullable RunId noun(WorkflowExecutionInfo info) {
    String text =
        info.getMemo()
            .getFieldsOrDefault("id", io.temporal.api.common.v1.Payload.getDefaultInstance())
            .getData()
            .toStringUtf8()
            .replace("\"", "");
    try {
      return RunId.of(text);
    } catch (IllegalArgumentException _) {
      return null;
    }
  }

  /** Continued, reset, or started again by hand: under its id there is a workflow of this run. */
  private boolean goesOn(String workflowId, RunId run) {
    if (!signals.closedWorkflows(List.of(workflowId)).isEmpty()) {
      return false;
    }
    return run.toString()
        .equals(client.newUntypedWorkflowStub(workflowId).describe().getMemo("id", String.class));
  }
}
