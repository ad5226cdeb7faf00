package dev.dstack.workflows.support;

import dev.dstack.workflows.fleet.FleetAnswer;
import dev.dstack.workflows.fleet.ReleaseRequest;
import dev.dstack.workflows.fleet.ReserveRequest;
import dev.dstack.workflows.instance.InstanceReport;
import dev.dstack.workflows.instance.InstanceTermination;
import dev.dstack.workflows.job.JobReport;
import dev.dstack.workflows.job.JobStop;
import io.temporal.workflow.Async;
import io.temporal.workflow.Functions;
import io.temporal.workflow.Promise;
import io.temporal.workflow.Workflow;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;

/** What one workflow tells another. */
public final class Signals {
  private static final int ANSWERS_AT_ONCE = 20;

  private Signals() {}

  /** False: there is no such fleet. */
  public static boolean reserve(String fleetWorkflowId, ReserveRequest request) {
    String summary = "ask " + fleetWorkflowId + " for " + request.wanted().size() + " node(s)";
    return Fallback.call(
        () -> local(summary).fleetReserve(fleetWorkflowId, request),
        () -> durable(summary).fleetReserve(fleetWorkflowId, request));
  }

  public static void release(String fleetWorkflowId, ReleaseRequest request) {
    String what = request.requestId() == null ? "everything" : request.requestId();
    send(
        "release " + what + " at " + fleetWorkflowId,
        s -> s.fleetRelease(fleetWorkflowId, request));
  }

  public static void instanceReported(String fleetWorkflowId, InstanceReport report) {
    String what = report.getClass().getSimpleName().toLowerCase(Locale.ROOT);
    send(
        "tell " + fleetWorkflowId + ": " + what,
        s -> s.fleetInstanceReported(fleetWorkflowId, report));
  }

  /** Several answers at once: they go to different runs. */
  public static void answer(List<Answer> answers, int logic) {
    Fallback.each(
        answers,
        logic >= Versions.ANSWERS_IN_PARTS ? ANSWERS_AT_ONCE : Math.max(1, answers.size()),
        one -> {
          String what = one.answer().getClass().getSimpleName().toLowerCase(Locale.ROOT);
          return () ->
              send(
                  what + " to " + one.runWorkflowId(),
                  s -> s.runFleetAnswered(one.runWorkflowId(), one.answer()));
        });
  }

  public static void jobReported(String runWorkflowId, JobReport report) {
    String what = report.status().name().toLowerCase(Locale.ROOT);
    send("tell run: " + what, s -> s.runJobReported(runWorkflowId, report));
  }

  public static void stopJob(String jobWorkflowId, JobStop stop) {
    String what = stop.reason().wire();
    send("stop " + jobWorkflowId + ": " + what, s -> s.jobStop(jobWorkflowId, stop));
  }

  public static void terminateInstance(String instanceWorkflowId, InstanceTermination termination) {
    send(
        "terminate " + instanceWorkflowId + ": " + termination.reason().wire(),
        s -> s.instanceTerminate(instanceWorkflowId, termination));
  }

  /** Those of the given workflows that are closed or unknown. */
  public static Promise<List<String>> closed(List<String> workflowIds) {
    String summary = "are the owners of old claims still there? (" + workflowIds.size() + ")";
    SignalActivities engine =
        Workflow.newActivityStub(
            SignalActivities.class, Options.of(Options.Call.ENGINE_QUERY, summary));
    return Async.function(engine::closedWorkflows, workflowIds);
  }

  /** An answer and the run it is for. */
  public record Answer(String runWorkflowId, FleetAnswer answer) {}

  private static void send(String summary, Consumer<SignalActivities> signal) {
    Functions.Proc local = () -> signal.accept(local(summary));
    Fallback.run(local, () -> signal.accept(durable(summary)));
  }

  private static SignalActivities local(String summary) {
    return Workflow.newLocalActivityStub(SignalActivities.class, Options.local(summary));
  }

  private static SignalActivities durable(String summary) {
    return Workflow.newActivityStub(
        SignalActivities.class, Options.of(Options.Call.LOCAL_FALLBACK, summary));
  }
}
