package dev.dstack.embedded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import dev.dstack.embedded.PartStatus.State;
import dev.dstack.embedded.ProcFs.ProcessKey;
import dev.dstack.embedded.ProcFs.Signal;
import io.grpc.StatusRuntimeException;
import io.temporal.api.common.v1.Payload;
import io.temporal.api.common.v1.SearchAttributes;
import io.temporal.api.common.v1.WorkflowType;
import io.temporal.api.taskqueue.v1.TaskQueue;
import io.temporal.api.workflowservice.v1.CountWorkflowExecutionsRequest;
import io.temporal.api.workflowservice.v1.DescribeNamespaceRequest;
import io.temporal.api.workflowservice.v1.StartWorkflowExecutionRequest;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import java.io.BufferedReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** PostgreSQL, the official Temporal and its Web UI together, as a server has them. */
class EmbeddedStackTest {
  @TempDir Path directory;

  private static void await(String what, BooleanSupplier condition) {
    assertThat(Waiting.until(Duration.ofSeconds(90), Duration.ofMillis(50), condition))
        .as(what)
        .isTrue();
  }

  private static boolean answers(Runnable question) {
    try {
      question.run();
      return true;
    } catch (StatusRuntimeException e) {
      return false;
    }
  }

  private static Payload keyword(String value) {
    return Payload.newBuilder()
        .putMetadata("encoding", ByteString.copyFromUtf8("json/plain"))
        .putMetadata("type", ByteString.copyFromUtf8("Keyword"))
        .setData(ByteString.copyFromUtf8('"' + value + '"'))
        .build();
  }

  private static void startWorkflow(WorkflowServiceStubs stubs, String id, String project) {
    stubs
        .blockingStub()
        .withDeadlineAfter(5, TimeUnit.SECONDS)
        .startWorkflowExecution(
            StartWorkflowExecutionRequest.newBuilder()
                .setNamespace("dstack")
                .setWorkflowId(id)
                .setRequestId(id)
                .setWorkflowType(WorkflowType.newBuilder().setName("Nothing"))
                .setTaskQueue(TaskQueue.newBuilder().setName("nobody"))
                .setSearchAttributes(
                    SearchAttributes.newBuilder().putIndexedFields("project", keyword(project)))
                .build());
  }

  private static long count(WorkflowServiceStubs stubs, String query) {
    try {
      return stubs
          .blockingStub()
          .withDeadlineAfter(5, TimeUnit.SECONDS)
          .countWorkflowExecutions(
              CountWorkflowExecutionsRequest.newBuilder()
                  .setNamespace("dstack")
                  .setQuery(query)
                  .build())
          .getCount();
    } catch (StatusRuntimeException e) {
      return -1;
    }
  }

  private static WorkflowServiceStubs connect(String address) {
    return WorkflowServiceStubs.newServiceStubs(
        WorkflowServiceStubsOptions.newBuilder().setTarget(address).validateAndBuildWithDefaults());
  }

  private static ProcessKey process(EmbeddedStack stack, String part) {
    return ProcFs.key(
            stack.status().stream()
                .filter(status -> status.name().equals(part))
                .findFirst()
                .orElseThrow()
                .pid())
        .orElseThrow();
  }

  private static PartStatus status(EmbeddedStack stack, String part) {
    return stack.status().stream()
        .filter(status -> status.name().equals(part))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void servesWorkflowsFoundByOurSearchAttributesAndSurvivesTheEndOfEachPart() throws Exception {
    String address;
    String ui;
    try (EmbeddedStack stack = EmbeddedStack.start(StackMain.config(directory))) {
      assertThat(stack.jdbcUrl()).startsWith("jdbc:postgresql://127.0.0.1:").contains("/dstack?");
      address = stack.temporalAddress();
      ui = stack.temporalUiUrl();
      WorkflowServiceStubs stubs = connect(address);
      try {
        assertThat(
                stubs
                    .blockingStub()
                    .describeNamespace(
                        DescribeNamespaceRequest.newBuilder().setNamespace("dstack").build())
                    .getConfig()
                    .getWorkflowExecutionRetentionTtl()
                    .getSeconds())
            .isEqualTo(Duration.ofDays(7).toSeconds());
        // At once after the start, as a server does that finds accepted runs waiting.
        startWorkflow(stubs, "run:main:one", "main");
        await("found", () -> count(stubs, "project = 'main' and WorkflowId = 'run:main:one'") == 1);
        assertThat(count(stubs, "project = 'other'")).isZero();

        await("Web UI", () -> status(stack, "Temporal Web UI").state() == State.RUNNING);
        try (HttpClient client = HttpClient.newHttpClient()) {
          HttpResponse<String> page =
              client.send(
                  HttpRequest.newBuilder(URI.create(ui + "/api/v1/namespaces/dstack")).build(),
                  HttpResponse.BodyHandlers.ofString());
          assertThat(page.statusCode()).isEqualTo(200);
          assertThat(page.body()).contains("dstack");
        }

        ProcFs.signal(process(stack, "Temporal"), Signal.KILL);
        await("Temporal restarted", () -> status(stack, "Temporal").restarts() == 1);
        await("serves", () -> answers(() -> startWorkflow(stubs, "run:main:two", "main")));

        ProcFs.signal(process(stack, "PostgreSQL"), Signal.KILL);
        await("PostgreSQL restarted", () -> status(stack, "PostgreSQL").restarts() == 1);
        await("serves", () -> answers(() -> startWorkflow(stubs, "run:main:three", "main")));
        await("nothing lost", () -> count(stubs, "project = 'main'") == 3);

        ProcFs.signal(process(stack, "Temporal Web UI"), Signal.KILL);
        await("Web UI restarted", () -> status(stack, "Temporal Web UI").restarts() == 1);
        await("Web UI", () -> status(stack, "Temporal Web UI").state() == State.RUNNING);
      } finally {
        stubs.shutdownNow();
      }
      assertThatThrownBy(() -> EmbeddedStack.start(StackMain.config(directory)))
          .isInstanceOf(EmbeddedException.class)
          .hasMessageContaining("Another server");
      for (String secret : List.of("runtime.json", "temporal/password", "postgres/password")) {
        assertThat(
                PosixFilePermissions.toString(
                    Files.getPosixFilePermissions(directory.resolve(secret))))
            .as(secret)
            .isEqualTo("rw-------");
      }
    }
    assertThat(ProcFs.standingIn(directory.resolve("postgres/data"))).isEmpty();
    try (EmbeddedStack again = EmbeddedStack.start(StackMain.config(directory))) {
      assertThat(again.temporalAddress()).isEqualTo(address);
      assertThat(again.temporalUiUrl()).isEqualTo(ui);
      assertThat(again.status()).hasSize(3);
    }
  }

  @Test
  void theNextServerTakesOverWhatAKilledOneLeftAndEndsItInTheEnd() throws Exception {
    Process killed = server();
    String said = firstLine(killed);
    assertThat(said).startsWith("ready ");
    String address = said.split(" ")[1];
    killed.destroyForcibly().waitFor();
    WorkflowServiceStubs stubs = connect(address);
    try {
      startWorkflow(stubs, "run:main:orphan", "main");

      RuntimeFile left = RuntimeFile.open(directory.resolve("runtime.json"));
      ProcessKey postgres = left.before("postgres").orElseThrow().process();
      ProcessKey temporal = left.before("temporal").orElseThrow().process();
      EmbeddedStack second = EmbeddedStack.start(StackMain.config(directory));
      assertThat(second.temporalAddress()).isEqualTo(address);
      assertThat(process(second, "PostgreSQL")).isEqualTo(postgres);
      assertThat(process(second, "Temporal")).isEqualTo(temporal);
      await("kept", () -> count(stubs, "project = 'main'") == 1);

      // Left once more, and the settings change: now they are ended, not taken over.
      second.abandon();
      Files.writeString(
          directory.resolve("temporal/dynamic-custom.yaml"),
          "limit.numPendingActivities.error:\n  - value: 1999\n");
      try (EmbeddedStack third = EmbeddedStack.start(StackMain.config(directory))) {
        assertThat(third.temporalAddress()).isEqualTo(address);
        assertThat(process(third, "PostgreSQL")).isEqualTo(postgres);
        assertThat(process(third, "Temporal")).isNotEqualTo(temporal);
        await("kept", () -> count(stubs, "project = 'main'") == 1);
      }
      assertThat(temporal.isAlive()).isFalse();
      assertThat(postgres.isAlive()).isFalse();
    } finally {
      stubs.shutdownNow();
    }
  }

  @Test
  void endsAllPartsWhenTheServerIsAskedToEnd() throws Exception {
    Process server = server();
    assertThat(firstLine(server)).startsWith("ready ");
    RuntimeFile left = RuntimeFile.open(directory.resolve("runtime.json"));
    ProcessKey temporal = left.before("temporal").orElseThrow().process();
    assertThat(temporal.isAlive()).isTrue();

    Process other = server();
    assertThat(firstLine(other)).startsWith("Another server (process " + server.pid() + ")");
    assertThat(other.waitFor()).isEqualTo(1);

    server.destroy();
    server.waitFor();
    assertThat(temporal.isAlive()).isFalse();
    assertThat(ProcFs.standingIn(directory.resolve("postgres/data"))).isEmpty();
    assertThat(Files.readString(directory.resolve("logs/postgres.log")))
        .doesNotContain("not properly shut down");
  }

  @Test
  void whatAKilledServerLeftCanBeEndedWithoutAServer() throws Exception {
    Process killed = server();
    assertThat(firstLine(killed)).startsWith("ready ");
    assertThatThrownBy(() -> EmbeddedStack.stopLeftovers(directory))
        .isInstanceOf(EmbeddedException.class)
        .hasMessageContaining("Another server (process " + killed.pid() + ")");
    killed.destroyForcibly().waitFor();
    // The Web UI may not have been started yet.
    assertThat(EmbeddedStack.stopLeftovers(directory)).isBetween(2, 3);
    for (String part : List.of("postgres/data", "temporal/server", "temporal/ui")) {
      assertThat(ProcFs.standingIn(directory.resolve(part))).as(part).isEmpty();
    }
    assertThat(EmbeddedStack.stopLeftovers(directory)).isZero();
  }

  private Process server() throws Exception {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-cp",
            System.getProperty("java.class.path"),
            StackMain.class.getName(),
            directory.toString())
        .redirectError(ProcessBuilder.Redirect.DISCARD)
        .start();
  }

  private static String firstLine(Process process) throws Exception {
    BufferedReader reader = process.inputReader(StandardCharsets.UTF_8);
    String line = reader.readLine();
    return line == null ? "" : line;
  }
}
