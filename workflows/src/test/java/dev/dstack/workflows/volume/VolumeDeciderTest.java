package dev.dstack.workflows.volume;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.VolumeId;
import dev.dstack.model.offer.BackendType;
import dev.dstack.workflows.volume.VolumeCloudActivities.Made;
import dev.dstack.workflows.volume.VolumeCloudActivities.Mounted;
import dev.dstack.workflows.volume.VolumeState.Link;
import dev.dstack.workflows.volume.VolumeState.Phase;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What a volume decides, event by event. */
class VolumeDeciderTest {
  private static final Instant START = Instant.parse("2026-01-01T00:00:00Z");
  private static final Mounted DEVICE = new Mounted("/dev/sdf", null);

  private VolumeInput input = input(null, null);
  private VolumeState state = VolumeState.initial(START);
  private Instant now = START;
  private List<VolumeCommand> commands = new ArrayList<>();

  private static VolumeInput input(@Nullable String existing, @Nullable Duration cleanup) {
    return VolumeInput.first(
        new VolumeId(new UUID(1, 1)),
        new ProjectId(new UUID(0, 1)),
        "main",
        "data",
        START,
        new VolumePlan(new BackendType("aws"), "us-east-1", null, 10, existing, cleanup, Map.of()));
  }

  private void on(VolumeEvent event) {
    VolumeDecider.Decision decision = VolumeDecider.decide(input, state, event, now);
    state = decision.state();
    commands =
        decision.commands().stream()
            .filter(command -> !(command instanceof VolumeCommand.Show))
            .toList();
  }

  private void pass(Duration time) {
    Instant end = now.plus(time);
    Instant deadline = VolumeDecider.deadline(input, state);
    while (deadline != null && !deadline.isAfter(end)) {
      now = deadline;
      on(new VolumeEvent.Tick(deadline));
      Instant next = VolumeDecider.deadline(input, state);
      if (deadline.equals(next)) {
        break;
      }
      deadline = next;
    }
    now = end;
  }

  private void active(boolean shared) {
    on(new VolumeEvent.Begin());
    assertThat(commands).containsExactly(new VolumeCommand.Ensure());
    on(new VolumeEvent.Ready(new Made("vol-1", 10, "us-east-1a", 0.8, shared)));
    assertThat(state.phase()).isEqualTo(Phase.ACTIVE);
  }

  private static JobId job(int number) {
    return new JobId(new UUID(2, number));
  }

  private static AttachRequest.Host host(int number) {
    InstanceId id = new InstanceId(new UUID(3, number));
    return new AttachRequest.Host(id, "box-" + number, number, "boxes", "i-" + number);
  }

  private static AttachRequest request(int job, int host) {
    return new AttachRequest(
        job(job), "job:" + job, "run-" + job, host(host), Duration.ofMinutes(5));
  }

  private VolumeAnswer answer(int job) {
    return VolumeDecider.answer(input, state, job(job));
  }

  private void attached(int job, int host) {
    on(new VolumeEvent.Attach(request(job, host)));
    assertThat(commands).containsExactly(new VolumeCommand.AttachTo(host(host)));
    on(new VolumeEvent.Attached(host(host).instance(), DEVICE));
    assertThat(answer(job)).isEqualTo(new VolumeAnswer.Attached("vol-1", "/dev/sdf", null, true));
  }

  @Test
  void aJobWaitsUntilTheVolumeIsMade() {
    on(new VolumeEvent.Begin());
    on(new VolumeEvent.Attach(request(1, 1)));
    assertThat(commands).isEmpty();
    assertThat(answer(1)).isInstanceOf(VolumeAnswer.Pending.class);
    on(new VolumeEvent.Ready(new Made("vol-1", 10, null, 0, false)));
    assertThat(commands).containsExactly(new VolumeCommand.AttachTo(host(1)));
  }

  @Test
  void whatCanNotBeMadeIsToldAndCleanedUp() {
    on(new VolumeEvent.Begin());
    on(new VolumeEvent.Attach(request(1, 1)));
    on(new VolumeEvent.NotMade(ErrorKind.QUOTA_EXCEEDED, "no more"));
    assertThat(state.phase()).isEqualTo(Phase.FAILED);
    assertThat(commands).containsExactly(new VolumeCommand.DeleteAtProvider());
    assertThat(answer(1)).isInstanceOf(VolumeAnswer.Refused.class);
    on(new VolumeEvent.Attach(request(2, 1)));
    assertThat(answer(2)).isInstanceOf(VolumeAnswer.Refused.class);
    on(new VolumeEvent.Delete());
    assertThat(state.phase()).isEqualTo(Phase.DELETING);
    on(new VolumeEvent.Deleted());
    assertThat(state.phase()).isEqualTo(Phase.DELETED);
  }

  /** Users of other systems saw the second attach take the volume from the first job. */
  @Test
  void aSecondMachineDoesNotTakeItFromTheFirst() {
    active(false);
    attached(1, 1);
    on(new VolumeEvent.Attach(request(2, 2)));
    assertThat(commands).isEmpty();
    assertThat(answer(2))
        .isInstanceOfSatisfying(
            VolumeAnswer.Refused.class,
            refused -> assertThat(refused.message()).contains("in use", "box-1", "run-1"));
    on(new VolumeEvent.Detach(job(2)));
    assertThat(commands).isEmpty();
    assertThat(answer(1)).isInstanceOf(VolumeAnswer.Attached.class);
  }

  @Test
  void twoJobsOfOneMachineShareItAndTheLastDetaches() {
    active(false);
    attached(1, 1);
    on(new VolumeEvent.Attach(request(2, 1)));
    assertThat(commands).isEmpty();
    assertThat(answer(2)).isInstanceOf(VolumeAnswer.Attached.class);
    on(new VolumeEvent.Detach(job(1)));
    assertThat(commands).isEmpty();
    assertThat(answer(1)).isEqualTo(new VolumeAnswer.None());
    on(new VolumeEvent.Detach(job(2)));
    assertThat(commands).containsExactly(new VolumeCommand.DetachFrom(host(1), false));
    assertThat(answer(2)).isInstanceOf(VolumeAnswer.Pending.class);
    on(new VolumeEvent.Detached(host(1).instance()));
    assertThat(answer(2)).isEqualTo(new VolumeAnswer.None());
  }

  @Test
  void askedTwiceItIsAttachedOnceAndDetachedOnce() {
    active(false);
    attached(1, 1);
    on(new VolumeEvent.Attach(request(1, 1)));
    assertThat(commands).isEmpty();
    on(new VolumeEvent.Detach(job(1)));
    assertThat(commands).hasSize(1);
    on(new VolumeEvent.Detached(host(1).instance()));
    assertThat(state.attachments()).isEmpty();
    // Late.
    on(new VolumeEvent.Attach(request(1, 1)));
    assertThat(commands).isEmpty();
    assertThat(state.attachments()).isEmpty();
  }

  @Test
  void theNextJobWaitsForAVolumeThatIsBeingDetached() {
    active(false);
    attached(1, 1);
    on(new VolumeEvent.Detach(job(1)));
    on(new VolumeEvent.Attach(request(2, 2)));
    assertThat(commands).isEmpty();
    assertThat(answer(2)).isInstanceOf(VolumeAnswer.Pending.class);
    on(new VolumeEvent.Detached(host(1).instance()));
    assertThat(commands).containsExactly(new VolumeCommand.AttachTo(host(2)));
  }

  @Test
  void whoWaitsTooLongIsToldSo() {
    active(false);
    attached(1, 1);
    on(new VolumeEvent.Detach(job(1)));
    on(new VolumeEvent.Attach(request(2, 2)));
    pass(VolumeUse.PATIENCE.plusSeconds(1));
    assertThat(answer(2))
        .isInstanceOfSatisfying(
            VolumeAnswer.Refused.class,
            refused -> assertThat(refused.error()).isEqualTo(ErrorKind.TIMED_OUT));
  }

  @Test
  void aMachineThatHoldsOnIsForcedAfterTheStopDuration() {
    active(false);
    attached(1, 1);
    on(new VolumeEvent.Detach(job(1)));
    pass(Duration.ofMinutes(5).minusSeconds(1));
    assertThat(state.attachments().getFirst().link()).isEqualTo(Link.DETACHING);
    pass(Duration.ofSeconds(2));
    assertThat(commands).containsExactly(new VolumeCommand.CancelDetach(host(1).instance()));
    on(new VolumeEvent.NotDetached(host(1).instance(), false, "busy"));
    assertThat(commands).containsExactly(new VolumeCommand.DetachFrom(host(1), true));
    // Force may fail, too; then again, after a while.
    on(new VolumeEvent.NotDetached(host(1).instance(), true, "denied"));
    assertThat(commands).isEmpty();
    pass(VolumeUse.FORCE_AGAIN);
    assertThat(commands).containsExactly(new VolumeCommand.DetachFrom(host(1), true));
    on(new VolumeEvent.Detached(host(1).instance()));
    assertThat(state.attachments()).isEmpty();
  }

  @Test
  void anAttemptToAttachThatFailsIsUndone() {
    active(false);
    on(new VolumeEvent.Attach(request(1, 1)));
    on(new VolumeEvent.NotAttached(host(1).instance(), ErrorKind.TIMED_OUT, "took too long"));
    assertThat(commands).containsExactly(new VolumeCommand.DetachFrom(host(1), false));
    assertThat(answer(1)).isInstanceOf(VolumeAnswer.Refused.class);
    on(new VolumeEvent.Detached(host(1).instance()));
    assertThat(state.attachments()).isEmpty();
  }

  /** Users of other systems could not stop a run whose volume was being attached. */
  @Test
  void aJobThatLeavesWhileItIsAttachedEndsTheAttaching() {
    active(false);
    on(new VolumeEvent.Attach(request(1, 1)));
    on(new VolumeEvent.Detach(job(1)));
    assertThat(commands).containsExactly(new VolumeCommand.CancelAttach(host(1).instance()));
    on(new VolumeEvent.NotAttached(host(1).instance(), ErrorKind.TIMED_OUT, "cancelled"));
    assertThat(commands).containsExactly(new VolumeCommand.DetachFrom(host(1), false));
    on(new VolumeEvent.Detached(host(1).instance()));
    assertThat(answer(1)).isEqualTo(new VolumeAnswer.None());
  }

  @Test
  void attachedAllTheSameItIsDetached() {
    active(false);
    on(new VolumeEvent.Attach(request(1, 1)));
    on(new VolumeEvent.Detach(job(1)));
    on(new VolumeEvent.Attached(host(1).instance(), DEVICE));
    assertThat(commands).containsExactly(new VolumeCommand.DetachFrom(host(1), false));
  }

  @Test
  void aSharedVolumeIsOnSeveralMachines() {
    active(true);
    attached(1, 1);
    attached(2, 2);
    assertThat(state.attachments()).hasSize(2);
  }

  /** Users of other systems saw a volume deleted under a job. */
  @Test
  void inUseItIsNotDeleted() {
    active(false);
    attached(1, 1);
    VolumeDecider.Decision decision =
        VolumeDecider.decide(input, state, new VolumeEvent.Delete(), now);
    assertThat(decision.state().phase()).isEqualTo(Phase.ACTIVE);
    assertThat(decision.commands())
        .singleElement()
        .isInstanceOfSatisfying(
            VolumeCommand.Show.class,
            show -> {
              assertThat(show.view().deleteRefused()).isTrue();
              assertThat(show.view().events().getFirst().message()).contains("run-1");
            });
  }

  @Test
  void deletedWhileItIsMadeItIsDeletedAfterwards() {
    on(new VolumeEvent.Begin());
    on(new VolumeEvent.Delete());
    assertThat(commands).containsExactly(new VolumeCommand.CancelEnsure());
    on(new VolumeEvent.Ready(new Made("vol-1", 10, null, 0, false)));
    assertThat(commands).containsExactly(new VolumeCommand.DeleteAtProvider());
    on(new VolumeEvent.Deleted());
    assertThat(state.phase()).isEqualTo(Phase.DELETED);
  }

  @Test
  void aRegisteredVolumeIsOnlyForgotten() {
    input = input("vol-of-somebody", null);
    active(false);
    on(new VolumeEvent.Delete());
    assertThat(commands).isEmpty();
    assertThat(state.phase()).isEqualTo(Phase.DELETED);
  }

  @Test
  void unusedForLongEnoughItGoes() {
    input = input(null, Duration.ofHours(1));
    active(false);
    attached(1, 1);
    pass(Duration.ofHours(3));
    assertThat(state.phase()).isEqualTo(Phase.ACTIVE);
    on(new VolumeEvent.Detach(job(1)));
    on(new VolumeEvent.Detached(host(1).instance()));
    pass(Duration.ofMinutes(59));
    assertThat(state.phase()).isEqualTo(Phase.ACTIVE);
    pass(Duration.ofMinutes(2));
    assertThat(state.phase()).isEqualTo(Phase.DELETING);
  }

  @Test
  void whatCanNotBeDeletedStaysAndSaysWhy() {
    active(false);
    on(new VolumeEvent.Delete());
    on(new VolumeEvent.NotDeleted("denied"));
    assertThat(state.phase()).isEqualTo(Phase.ACTIVE);
    assertThat(state.message()).contains("denied");
    on(new VolumeEvent.Delete());
    assertThat(commands).containsExactly(new VolumeCommand.DeleteAtProvider());
  }

  @Test
  void aJobWhoseWorkflowIsGoneLosesIt() {
    active(false);
    attached(1, 1);
    pass(VolumeTimes.CHECK_OWNERS.plusSeconds(1));
    assertThat(commands).containsExactly(new VolumeCommand.FindClosed(List.of("job:1")));
    on(new VolumeEvent.OwnersClosed(List.of()));
    assertThat(answer(1)).isInstanceOf(VolumeAnswer.Attached.class);
    on(new VolumeEvent.OwnersClosed(List.of("job:1")));
    assertThat(commands).containsExactly(new VolumeCommand.DetachFrom(host(1), false));
  }
}
