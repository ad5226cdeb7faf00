package dev.dstack.embedded;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.temporal.api.common.v1.WorkflowExecution;
import io.temporal.api.enums.v1.IndexedValueType;
import io.temporal.api.operatorservice.v1.AddSearchAttributesRequest;
import io.temporal.api.taskqueue.v1.TaskQueue;
import io.temporal.api.workflowservice.v1.CountWorkflowExecutionsRequest;
import io.temporal.api.workflowservice.v1.DescribeNamespaceRequest;
import io.temporal.api.workflowservice.v1.DescribeNamespaceResponse;
import io.temporal.api.workflowservice.v1.DescribeTaskQueueRequest;
import io.temporal.api.workflowservice.v1.DescribeWorkflowExecutionRequest;
import io.temporal.api.workflowservice.v1.RegisterNamespaceRequest;
import io.temporal.api.workflowservice.v1.WorkflowServiceGrpc.WorkflowServiceBlockingStub;
import io.temporal.serviceclient.OperatorServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubs;
import java.time.Duration;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * A namespace with our search attributes, in the embedded Temporal or in any other.
 *
 * <p>Each question is repeated until it is answered, as right after the start of Temporal its
 * services still look for each other.
 */
public final class TemporalNamespace {
  /** How long the histories of ended workflows are kept. */
  public static final Duration RETENTION = Duration.ofDays(7);

  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final Duration INTERVAL = Duration.ofMillis(50);

  private final WorkflowServiceStubs stubs;
  private final String namespace;

  public TemporalNamespace(WorkflowServiceStubs stubs, String namespace) {
    this.stubs = stubs;
    this.namespace = namespace;
  }

  /**
   * Creates what is missing and returns when workflows can be started and found in it.
   *
   * @param searchAttributes names and types: keyword, keyword_list, text, int, double, bool or
   *     datetime
   * @throws EmbeddedException if Temporal does not answer for a minute, or refuses
   */
  public void prepare(OperatorServiceStubs operator, Map<String, String> searchAttributes) {
    DescribeNamespaceResponse described = patiently("namespace", this::describe);
    Collection<String> known = described.getConfig().getCustomSearchAttributeAliasesMap().values();
    Map<String, String> missing = new LinkedHashMap<>(searchAttributes);
    missing.keySet().removeAll(known);
    if (!missing.isEmpty()) {
      AddSearchAttributesRequest.Builder request =
          AddSearchAttributesRequest.newBuilder().setNamespace(namespace);
      missing.forEach((name, type) -> request.putSearchAttributes(name, indexedType(name, type)));
      patiently(
          "search attributes",
          () ->
              operator
                  .blockingStub()
                  .withDeadlineAfter(10, TimeUnit.SECONDS)
                  .addSearchAttributes(request.build()));
    }
    // One after the other all services behind the frontend must answer.
    patiently("search", () -> search(searchAttributes.keySet()));
    patiently("history", this::askHistory);
    patiently("task queues", this::askMatching);
  }

  private static IndexedValueType indexedType(String name, String type) {
    return switch (type) {
      case "keyword" -> IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD;
      case "keyword_list" -> IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST;
      case "text" -> IndexedValueType.INDEXED_VALUE_TYPE_TEXT;
      case "int" -> IndexedValueType.INDEXED_VALUE_TYPE_INT;
      case "double" -> IndexedValueType.INDEXED_VALUE_TYPE_DOUBLE;
      case "bool" -> IndexedValueType.INDEXED_VALUE_TYPE_BOOL;
      case "datetime" -> IndexedValueType.INDEXED_VALUE_TYPE_DATETIME;
      default ->
          throw new IllegalArgumentException(
              "The search attribute " + name + " has an unknown type: " + type);
    };
  }

  private interface Question<T> {
    T ask();
  }

  private <T> T patiently(String what, Question<T> question) {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (true) {
      try {
        return question.ask();
      } catch (StatusRuntimeException e) {
        if (System.nanoTime() - deadline > 0 || !Waiting.sleep(INTERVAL)) {
          throw new EmbeddedException(
              "Temporal is there but does not serve (" + what + "): " + e.getStatus(), e);
        }
      }
    }
  }

  private WorkflowServiceBlockingStub stub() {
    return stubs.blockingStub().withDeadlineAfter(5, TimeUnit.SECONDS);
  }

  private DescribeNamespaceResponse describe() {
    DescribeNamespaceRequest request =
        DescribeNamespaceRequest.newBuilder().setNamespace(namespace).build();
    try {
      return stub().describeNamespace(request);
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() != Status.Code.NOT_FOUND) {
        throw e;
      }
    }
    try {
      stub()
          .registerNamespace(
              RegisterNamespaceRequest.newBuilder()
                  .setNamespace(namespace)
                  .setDescription("dstack's runs, jobs, instances and fleets")
                  .setWorkflowExecutionRetentionPeriod(
                      com.google.protobuf.Duration.newBuilder().setSeconds(RETENTION.toSeconds()))
                  .build());
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() != Status.Code.ALREADY_EXISTS) {
        throw e;
      }
    }
    return stub().describeNamespace(request);
  }

  private boolean search(Set<String> attributes) {
    StringBuilder query = new StringBuilder();
    for (String attribute : attributes) {
      query
          .append(query.isEmpty() ? "" : " and ")
          .append('`')
          .append(attribute)
          .append("` is null");
    }
    stub()
        .countWorkflowExecutions(
            CountWorkflowExecutionsRequest.newBuilder()
                .setNamespace(namespace)
                .setQuery(query.toString())
                .build());
    return true;
  }

  private boolean askHistory() {
    try {
      stub()
          .describeWorkflowExecution(
              DescribeWorkflowExecutionRequest.newBuilder()
                  .setNamespace(namespace)
                  .setExecution(WorkflowExecution.newBuilder().setWorkflowId("probe:no-such"))
                  .build());
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() != Status.Code.NOT_FOUND) {
        throw e;
      }
    }
    return true;
  }

  private boolean askMatching() {
    stub()
        .describeTaskQueue(
            DescribeTaskQueueRequest.newBuilder()
                .setNamespace(namespace)
                .setTaskQueue(TaskQueue.newBuilder().setName("probe"))
                .build());
    return true;
  }
}
