package dev.dstack.workflows.volume;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.VolumeId;
import dev.dstack.model.ids.WorkflowIds;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.wire.volume.VolumeStatus;
import dev.dstack.workflows.support.SearchAttributes;
import dev.dstack.workflows.support.TaskQueues;
import dev.dstack.workflows.view.VolumeView;
import dev.dstack.workflows.world.Faults;
import dev.dstack.workflows.world.Stage;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowOptions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Volumes with a provider, and with everything that may go wrong with it. */
@Timeout(120)
public class VolumeWorkflowTest {
  private static final VolumeId ID = new VolumeId(new UUID(5, 5));
  private static final String WORKFLOW = WorkflowIds.volume("main", "data");

  private @Nullable Stage open;

  int cacheSize() {
    return 600;
  }

  /** Which faults; the variant without a cache needs only those that have to do with it. */
  List<Faults.Kind> kinds() {
    return List.of(
        Faults.Kind.FAIL, Faults.Kind.LOSE_REPLY, Faults.Kind.TWICE, Faults.Kind.RESTART);
  }

  @AfterEach
  void close() {
    if (open != null) {
      open.close();
    }
  }

  private Stage stage() {
    Stage stage = new Stage(cacheSize());
    open = stage;
    return stage;
  }

  /** Starts a volume on a stage; recorded histories are made with it, too. */
  public static VolumeWorkflow start(
      Stage stage, @Nullable String existing, @Nullable Duration cleanup) {
    WorkflowOptions options =
        WorkflowOptions.newBuilder()
            .setWorkflowId(WORKFLOW)
            .setTaskQueue(TaskQueues.CONTROL)
            .setTypedSearchAttributes(
                io.temporal.common.SearchAttributes.newBuilder()
                    .set(SearchAttributes.PROJECT, "main")
                    .build())
            .build();
    VolumeWorkflow volume = stage.client().newWorkflowStub(VolumeWorkflow.class, options);
    WorkflowClient.start(
        volume::run,
        VolumeInput.first(
            ID,
            Stage.PROJECT,
            "main",
            "data",
            stage.now(),
            new VolumePlan(
                new BackendType("cloud"), "here", null, 10, existing, cleanup, Map.of())));
    return stage.client().newWorkflowStub(VolumeWorkflow.class, WORKFLOW);
  }

  private static InstanceId box(int number) {
    return new InstanceId(new UUID(3, number));
  }

  public static JobId job(int number) {
    return new JobId(new UUID(2, number));
  }

  public static AttachRequest request(int job, int box) {
    return new AttachRequest(
        job(job),
        // One that is open for as long as the test needs the job to be.
        WORKFLOW,
        "run-" + job,
        new AttachRequest.Host(box(box), "box-" + box, box, "boxes", "i-" + box),
        Duration.ofMinutes(5));
  }

  private static void awaitAnswer(
      Stage stage, VolumeWorkflow volume, int job, Class<? extends VolumeAnswer> kind) {
    // Not with the world held still: the workflow that answers may have to show something first.
    Instant deadline = stage.now().plus(Duration.ofHours(1));
    while (!kind.isInstance(volume.answer(job(job)))) {
      assertThat(stage.now()).as("%s for job %s", kind.getSimpleName(), job).isBefore(deadline);
      stage.pass(Duration.ofSeconds(1));
    }
  }

  private static VolumeView view(Stage stage) {
    return Objects.requireNonNull(stage.world.volumeProvider.view(ID));
  }

  /** A whole life: made, had by one job after the other, deleted. */
  public static void live(Stage stage) {
    VolumeWorkflow volume = start(stage, null, null);
    volume.attach(request(1, 1));
    awaitAnswer(stage, volume, 1, VolumeAnswer.Attached.class);
    volume.attach(request(2, 2));
    awaitAnswer(stage, volume, 2, VolumeAnswer.Refused.class);
    volume.detach(job(2));
    volume.detach(job(1));
    volume.attach(request(3, 2));
    awaitAnswer(stage, volume, 3, VolumeAnswer.Attached.class);
    volume.delete();
    volume.detach(job(3));
    awaitAnswer(stage, volume, 3, VolumeAnswer.None.class);
    volume.delete();
    stage.result(WORKFLOW);
  }

  private static void check(Stage stage, String what, List<String> failures) {
    expect(stage.world.volumeProvider.count() == 0, what + ": volumes left", failures);
    expect(stage.world.volumeProvider.attachments() == 0, what + ": attached", failures);
    List<String> complaints = stage.world.volumeProvider.complaints();
    expect(complaints.isEmpty(), what + ": " + complaints, failures);
    VolumeView view = stage.world.volumeProvider.view(ID);
    expect(view != null && view.deletedAt() != null, what + ": shown as " + view, failures);
  }

  private static void expect(boolean so, String otherwise, List<String> failures) {
    if (!so) {
      failures.add(otherwise);
    }
  }

  @Test
  void everyFaultAtEveryCall() {
    List<String> failures = new ArrayList<>();
    List<Faults.Call> calls;
    try (Stage stage = new Stage(cacheSize())) {
      stage.faults.record();
      live(stage);
      check(stage, "without a fault", failures);
      calls = stage.faults.seen();
    }
    assertThat(failures).isEmpty();
    assertThat(calls)
        .extracting(Faults.Call::activity)
        .contains("volume.Ensure", "volume.AttachTo", "volume.DetachFrom", "volume.Delete");
    int bites = 0;
    for (Faults.Kind kind :
        List.of(Faults.Kind.FAIL, Faults.Kind.LOSE_REPLY, Faults.Kind.TWICE, Faults.Kind.RESTART)) {
      for (Faults.Call call : calls) {
        try (Stage stage = new Stage(cacheSize())) {
          stage.faults.record();
          stage.faults.inject(call, kind, () -> {});
          live(stage);
          check(stage, kind + " at " + call, failures);
          bites += stage.faults.bitten();
        }
      }
    }
    assertThat(failures).isEmpty();
    assertThat(bites).isGreaterThan(calls.size() * kinds().size() / 2);
  }

  @Test
  void aJobThatGoesWhileItIsAttachedLeavesNothing() {
    Stage stage = stage();
    stage.world.volumeProvider.slow(true);
    VolumeWorkflow volume = start(stage, null, null);
    volume.attach(request(1, 1));
    stage.await("attaching", () -> stage.world.volumeProvider.calls("attach") > 0);
    volume.detach(job(1));
    awaitAnswer(stage, volume, 1, VolumeAnswer.None.class);
    assertThat(stage.world.volumeProvider.calls("detach")).isPositive();
    volume.delete();
    stage.result(WORKFLOW);
  }

  @Test
  void aMachineThatHoldsOnIsForced() {
    Stage stage = stage();
    stage.world.volumeProvider.holdsOn(true);
    VolumeWorkflow volume = start(stage, null, null);
    volume.attach(request(1, 1));
    awaitAnswer(stage, volume, 1, VolumeAnswer.Attached.class);
    volume.detach(job(1));
    stage.pass(Duration.ofMinutes(2));
    assertThat(stage.world.volumeProvider.isAttached(ID, box(1))).isTrue();
    stage.await("forced", () -> stage.world.volumeProvider.calls("force") > 0);
    awaitAnswer(stage, volume, 1, VolumeAnswer.None.class);
    assertThat(view(stage).attachments()).isEmpty();
  }

  @Test
  void deletedInUseItStaysAndTheWishIsTakenBack() {
    Stage stage = stage();
    VolumeWorkflow volume = start(stage, null, null);
    volume.attach(request(1, 1));
    awaitAnswer(stage, volume, 1, VolumeAnswer.Attached.class);
    volume.delete();
    stage.await(
        "refused",
        () -> stage.world.volumeProvider.views(ID).stream().anyMatch(VolumeView::deleteRefused));
    assertThat(view(stage).status()).isEqualTo(VolumeStatus.ACTIVE);
    assertThat(stage.world.volumeProvider.count()).isEqualTo(1);
  }

  @Test
  void refusedByTheProviderItFailsWithTheReason() {
    Stage stage = stage();
    stage.world.volumeProvider.refuse(ErrorKind.QUOTA_EXCEEDED);
    VolumeWorkflow volume = start(stage, null, null);
    stage.await(
        "failed",
        () -> {
          VolumeView view = stage.world.volumeProvider.view(ID);
          return view != null && view.status() == VolumeStatus.FAILED;
        });
    assertThat(view(stage).statusMessage()).contains("as the test wants it");
    volume.delete();
    stage.result(WORKFLOW);
    assertThat(view(stage).deletedAt()).isNotNull();
  }

  @Test
  void unusedItIsDeletedByItself() {
    Stage stage = stage();
    start(stage, null, Duration.ofHours(2));
    stage.result(WORKFLOW);
    assertThat(stage.world.volumeProvider.count()).isZero();
    assertThat(view(stage).deletedAt()).isNotNull();
  }

  /** Its history is cut again and again, and it forgets nothing. */
  @Test
  void aLongLifeIsContinuedInFreshHistories() {
    Stage stage = stage();
    VolumeWorkflow volume = start(stage, null, null);
    volume.attach(request(0, 1));
    awaitAnswer(stage, volume, 0, VolumeAnswer.Attached.class);
    String first = stage.execution(WORKFLOW);
    Consumer<Integer> jobs =
        number -> {
          volume.attach(request(number, 1));
          volume.detach(job(number));
        };
    for (int number = 1; number <= 60; number++) {
      jobs.accept(number);
    }
    stage.pass(Duration.ofHours(3));
    stage.await("a fresh history", () -> !stage.execution(WORKFLOW).equals(first));
    assertThat(volume.answer(job(0))).isInstanceOf(VolumeAnswer.Attached.class);
    volume.detach(job(0));
    awaitAnswer(stage, volume, 0, VolumeAnswer.None.class);
    volume.delete();
    stage.result(WORKFLOW);
  }
}
