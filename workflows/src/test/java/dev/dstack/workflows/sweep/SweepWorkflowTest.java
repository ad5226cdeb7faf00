package dev.dstack.workflows.sweep;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.WorkflowIds;
import dev.dstack.model.offer.BackendType;
import dev.dstack.workflows.support.DataConverters;
import dev.dstack.workflows.support.SearchAttributes;
import dev.dstack.workflows.support.TaskQueues;
import dev.dstack.workflows.support.WorkflowTypes;
import io.temporal.api.enums.v1.IndexedValueType;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.client.WorkflowOptions;
import io.temporal.failure.ApplicationFailure;
import io.temporal.testing.TestEnvironmentOptions;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.worker.WorkerFactoryOptions;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(120)
class SweepWorkflowTest {
  private static final ProjectId PROJECT = new ProjectId(new UUID(0, 1));
  private static final SweepTarget EAST = target("us-east-1");
  private static final SweepTarget WEST = target("us-west-1");
  private static final SweepTarget AWAY = target("mars-1");

  private static SweepTarget target(String region) {
    return new SweepTarget(PROJECT, new BackendType("aws"), region);
  }

  /** Machines that nobody owns, in two regions; a third one can't be asked. */
  private static final class Yard implements SweepActivities {
    final Set<Orphan> east = ConcurrentHashMap.newKeySet();
    final Set<Orphan> adopted = ConcurrentHashMap.newKeySet();
    final List<Orphan> ended = new ArrayList<>();
    boolean firstAnswerIsLost;

    void plant(int count) {
      for (int i = 0; i < count; i++) {
        east.add(new Orphan(new InstanceId(new UUID(7, i)), 0, "i-" + i, "fleet-" + i));
      }
    }

    @Override
    public List<SweepTarget> sweepTargets() {
      return List.of(EAST, WEST, AWAY);
    }

    @Override
    public List<Orphan> findOrphans(SweepTarget target) {
      if (target.equals(AWAY)) {
        throw ApplicationFailure.newFailure("credentials were revoked", "BACKEND_DENIED");
      }
      return target.equals(EAST) ? List.copyOf(east) : List.of();
    }

    @Override
    public synchronized SweepNews endOrphans(SweepTarget target, List<Orphan> suspected) {
      List<Orphan> still =
          suspected.stream().filter(east::contains).filter(one -> !adopted.contains(one)).toList();
      List<Orphan> now = still.stream().limit(20).toList();
      ended.addAll(now);
      east.removeAll(now);
      if (firstAnswerIsLost) {
        firstAnswerIsLost = false;
        throw new DstackException(ErrorKind.BACKEND_UNAVAILABLE, "the answer was lost");
      }
      return new SweepNews(now.size(), still.size() - now.size(), "ended " + now.size());
    }
  }

  private static TestWorkflowEnvironment environment(int cacheSize, Yard yard) {
    TestWorkflowEnvironment env =
        TestWorkflowEnvironment.newInstance(
            TestEnvironmentOptions.newBuilder()
                .setWorkflowClientOptions(
                    WorkflowClientOptions.newBuilder()
                        .setIdentity("test")
                        .setDataConverter(DataConverters.create())
                        .build())
                .setWorkerFactoryOptions(
                    WorkerFactoryOptions.newBuilder().setWorkflowCacheSize(cacheSize).build())
                .build());
    SearchAttributes.ALL.forEach(
        key ->
            env.registerSearchAttribute(
                key.getName(), IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD));
    env.newWorker(TaskQueues.CONTROL)
        .registerWorkflowImplementationTypes(WorkflowTypes.options(), WorkflowTypes.all());
    env.newWorker(TaskQueues.CLOUD).registerActivitiesImplementations(yard);
    env.start();
    return env;
  }

  private static SweepNews pass(TestWorkflowEnvironment env) {
    return env.getWorkflowClient()
        .newWorkflowStub(
            SweepPassWorkflow.class,
            WorkflowOptions.newBuilder()
                .setWorkflowId("sweep-pass")
                .setTaskQueue(TaskQueues.CONTROL)
                .build())
        .pass();
  }

  @ParameterizedTest
  @ValueSource(ints = {600, 0})
  void passesEndEveryOrphanAndNoRegionHidesAnother(int cacheSize) {
    Yard yard = new Yard();
    yard.plant(50);
    try (TestWorkflowEnvironment env = environment(cacheSize, yard)) {
      assertThat(pass(env)).extracting(SweepNews::ended, SweepNews::left).containsExactly(20, 30);
      assertThat(pass(env)).extracting(SweepNews::ended, SweepNews::left).containsExactly(20, 10);
      SweepNews last = pass(env);
      assertThat(last).extracting(SweepNews::ended, SweepNews::left).containsExactly(10, 0);
      assertThat(last.message()).contains("3 regions");
      assertThat(yard.ended).hasSize(50).doesNotHaveDuplicates();
      record(env);
    }
  }

  /** Recorded once, with {@code -Ddstack.record-histories=true}, and replayed by ReplayTest. */
  private static void record(TestWorkflowEnvironment env) {
    if (Boolean.getBoolean("dstack.record-histories")) {
      write(env, "sweep-pass", "sweep-pass");
      write(env, "sweep-ended", WorkflowIds.sweep(PROJECT, "aws", EAST.region()));
      write(env, "sweep-refused", WorkflowIds.sweep(PROJECT, "aws", AWAY.region()));
    }
  }

  private static void write(TestWorkflowEnvironment env, String name, String workflowId) {
    Path file = Path.of("src/test/resources/histories/v3").resolve(name + ".json.gz");
    if (Files.exists(file)) {
      return;
    }
    try {
      Files.createDirectories(file.getParent());
      try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(file))) {
        String json = env.getWorkflowClient().fetchHistory(workflowId).toJson(false);
        out.write(json.getBytes(StandardCharsets.UTF_8));
      }
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  @Test
  void whatHasAnOwnerAtTheSecondLookStays() {
    Yard yard = new Yard();
    yard.plant(3);
    Orphan late = yard.east.iterator().next();
    yard.adopted.add(late);
    try (TestWorkflowEnvironment env = environment(600, yard)) {
      assertThat(pass(env).ended()).isEqualTo(2);
      assertThat(yard.ended).doesNotContain(late);
    }
  }

  @Test
  void aLostAnswerEndsNothingTwice() {
    Yard yard = new Yard();
    yard.plant(5);
    yard.firstAnswerIsLost = true;
    try (TestWorkflowEnvironment env = environment(600, yard)) {
      assertThat(pass(env).left()).isZero();
      assertThat(yard.ended).hasSize(5).doesNotHaveDuplicates();
    }
  }
}
