package dev.dstack.e2e.harness;

import io.temporal.api.history.v1.History;
import io.temporal.api.workflow.v1.WorkflowExecutionInfo;
import io.temporal.api.workflowservice.v1.DescribeWorkflowExecutionRequest;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.client.WorkflowExecutionMetadata;
import io.temporal.client.schedules.ScheduleClient;
import io.temporal.client.schedules.ScheduleClientOptions;
import io.temporal.client.schedules.ScheduleException;
import io.temporal.client.schedules.ScheduleHandle;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/** All workflows of a server, read from its Temporal. */
public final class Histories implements AutoCloseable {
  private final WorkflowServiceStubs service;
  private final WorkflowClient client;
  private final String namespace;

  private Histories(WorkflowServiceStubs service, String namespace) {
    this.service = service;
    this.namespace = namespace;
    this.client =
        WorkflowClient.newInstance(
            service, WorkflowClientOptions.newBuilder().setNamespace(namespace).build());
  }

  public static Histories of(ServerProcess server) {
    return of(server.temporalAddress(), server.temporalNamespace());
  }

  public static Histories of(String address, String namespace) {
    return new Histories(
        WorkflowServiceStubs.newServiceStubs(
            WorkflowServiceStubsOptions.newBuilder().setTarget(address).build()),
        namespace);
  }

  /** One workflow and what happened in it. */
  public record Told(String workflowId, String runId, History history) {}

  public List<Told> all() {
    List<Told> all = new ArrayList<>();
    client
        .listExecutions("")
        .forEach(
            found ->
                all.add(
                    new Told(
                        found.getExecution().getWorkflowId(),
                        found.getExecution().getRunId(),
                        client
                            .fetchHistory(
                                found.getExecution().getWorkflowId(),
                                found.getExecution().getRunId())
                            .getHistory())));
    return all;
  }

  /** Workflow ids that a visibility query finds. */
  public List<String> find(String query) {
    return client
        .listExecutions(query)
        .map(WorkflowExecutionMetadata::getExecution)
        .map(execution -> execution.getWorkflowId())
        .toList();
  }

  /** As a person does in the Web UI. */
  public void terminate(String workflowId) {
    client.newUntypedWorkflowStub(workflowId).terminate("by hand");
  }

  /** Whether the engine has the schedule. */
  public boolean hasSchedule(String id) {
    try {
      schedule(id).describe();
      return true;
    } catch (ScheduleException e) {
      return false;
    }
  }

  /** Now and besides its times, as a person does in the Web UI. */
  public void trigger(String schedule) {
    schedule(schedule).trigger();
  }

  private ScheduleHandle schedule(String id) {
    return ScheduleClient.newInstance(
            service, ScheduleClientOptions.newBuilder().setNamespace(namespace).build())
        .getHandle(id);
  }

  /** Number of events per workflow run, once they have stopped growing. */
  public Map<String, Long> lengthsWhenQuiet(Duration limit) {
    AtomicReference<Map<String, Long>> last = new AtomicReference<>(Map.of());
    AtomicReference<Long> since = new AtomicReference<>(System.nanoTime());
    return Await.value(
        "the histories stop growing",
        limit,
        () -> {
          Map<String, Long> now = lengths();
          if (!now.equals(last.getAndSet(now))) {
            since.set(System.nanoTime());
          }
          return System.nanoTime() - since.get() > Duration.ofSeconds(2).toNanos()
              ? Optional.of(now)
              : Optional.empty();
        },
        () -> "");
  }

  public Map<String, Long> lengths() {
    Map<String, Long> lengths = new TreeMap<>();
    client
        .listExecutions("")
        .forEach(
            found -> {
              WorkflowExecutionInfo info =
                  service
                      .blockingStub()
                      .describeWorkflowExecution(
                          DescribeWorkflowExecutionRequest.newBuilder()
                              .setNamespace(namespace)
                              .setExecution(found.getExecution())
                              .build())
                      .getWorkflowExecutionInfo();
              lengths.put(
                  info.getExecution().getWorkflowId() + " " + info.getExecution().getRunId(),
                  info.getHistoryLength());
            });
    return lengths;
  }

  @Override
  public void close() {
    service.shutdownNow();
    service.awaitTermination(5, TimeUnit.SECONDS);
  }
}
