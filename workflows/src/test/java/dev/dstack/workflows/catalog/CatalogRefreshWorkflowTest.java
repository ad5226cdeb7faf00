package dev.dstack.workflows.catalog;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.error.ErrorKind;
import dev.dstack.workflows.catalog.CatalogNews.Outcome;
import dev.dstack.workflows.support.DataConverters;
import dev.dstack.workflows.support.TaskQueues;
import dev.dstack.workflows.support.WorkflowTypes;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.failure.ApplicationFailure;
import io.temporal.testing.TestEnvironmentOptions;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.worker.WorkerFactoryOptions;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CatalogRefreshWorkflowTest {
  private static final CatalogNews READ =
      new CatalogNews("aws", Outcome.REFRESHED, "Prices on demand of us-east-1", 700);

  @ParameterizedTest(name = "{0} workflows in memory")
  @ValueSource(ints = {600, 0})
  void aListThatCannotBeReadAtOnceIsReadLater(int cached) throws Exception {
    AtomicInteger calls = new AtomicInteger();
    CatalogNews news =
        refresh(
            cached,
            "refreshed",
            _ -> {
              if (calls.incrementAndGet() < 3) {
                throw ApplicationFailure.newFailure(
                    "answered 503", ErrorKind.BACKEND_UNAVAILABLE.name());
              }
              return READ;
            });

    assertThat(news).isEqualTo(READ);
    assertThat(calls).hasValue(3);
  }

  @ParameterizedTest(name = "{0} workflows in memory")
  @ValueSource(ints = {600, 0})
  void aListThatIsGarbageIsToldAndChangesNothing(int cached) throws Exception {
    CatalogNews news =
        refresh(
            cached,
            "failed",
            _ -> {
              throw ApplicationFailure.newNonRetryableFailure(
                  "it names no regions", ErrorKind.INVALID_SPEC.name());
            });

    assertThat(news.outcome()).isEqualTo(Outcome.FAILED);
    assertThat(news.message()).isEqualTo("it names no regions");
  }

  private static CatalogNews refresh(int cached, String name, CatalogActivities catalog)
      throws Exception {
    try (TestWorkflowEnvironment env =
        TestWorkflowEnvironment.newInstance(
            TestEnvironmentOptions.newBuilder()
                .setWorkflowClientOptions(
                    WorkflowClientOptions.newBuilder()
                        .setDataConverter(DataConverters.create())
                        .build())
                .setWorkerFactoryOptions(
                    WorkerFactoryOptions.newBuilder().setWorkflowCacheSize(cached).build())
                .build())) {
      env.newWorker(TaskQueues.CONTROL)
          .registerWorkflowImplementationTypes(
              WorkflowTypes.options(), CatalogRefreshWorkflowImpl.class);
      env.newWorker(TaskQueues.CLOUD).registerActivitiesImplementations(catalog);
      env.start();
      WorkflowClient client = env.getWorkflowClient();
      CatalogRefreshWorkflow workflow =
          client.newWorkflowStub(
              CatalogRefreshWorkflow.class,
              WorkflowOptions.newBuilder()
                  .setWorkflowId("catalog:" + name)
                  .setTaskQueue(TaskQueues.CONTROL)
                  .build());
      CatalogNews news = workflow.refresh("aws");
      if (Boolean.getBoolean("dstack.record-histories")) {
        record(client, WorkflowStub.fromTyped(workflow).getExecution().getWorkflowId(), name);
      }
      return news;
    }
  }

  /** For {@code ReplayTest}; what is there is left alone. */
  private static void record(WorkflowClient client, String workflowId, String name)
      throws Exception {
    Path file = Path.of("src/test/resources/histories/v3/catalog-" + name + ".json.gz");
    if (!Files.exists(file)) {
      Files.createDirectories(file.getParent());
      try (GZIPOutputStream out = new GZIPOutputStream(Files.newOutputStream(file))) {
        out.write(client.fetchHistory(workflowId).toJson(false).getBytes(StandardCharsets.UTF_8));
      }
    }
  }
}
