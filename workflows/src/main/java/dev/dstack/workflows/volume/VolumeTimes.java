package dev.dstack.workflows.volume;

import dev.dstack.model.error.ErrorKind;
import dev.dstack.workflows.volume.VolumeState.Attachment;
import dev.dstack.workflows.volume.VolumeState.Link;
import dev.dstack.workflows.volume.VolumeState.Phase;
import dev.dstack.workflows.volume.VolumeState.Waiting;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What time alone does to a volume. */
final class VolumeTimes {
  /** How often it is looked whether the jobs that have it are still there. */
  static final Duration CHECK_OWNERS = Duration.ofMinutes(10);

  private final VolumeTurn turn;
  private final VolumeState.Draft volume;
  private final VolumeUse use;
  private final VolumeLife life;

  VolumeTimes(VolumeTurn turn, VolumeUse use, VolumeLife life) {
    this.turn = turn;
    this.volume = turn.volume;
    this.use = use;
    this.life = life;
  }

  /** When something happens if nothing else does; absent: only an event can move it. */
  static @Nullable Instant deadline(VolumeInput input, VolumeState state) {
    Stream<Instant> leaving =
        state.attachments().stream()
            .filter(Attachment::leaving)
            .flatMap(one -> Stream.ofNullable(one.forceAt()));
    Stream<Instant> waiting = state.waiting().stream().map(Waiting::until);
    return Stream.of(
            leaving,
            waiting,
            Stream.ofNullable(cleanupAt(input, state)),
            Stream.ofNullable(checkAt(state)))
        .flatMap(all -> all)
        .min(Instant::compareTo)
        .orElse(null);
  }

  private static @Nullable Instant cleanupAt(VolumeInput input, VolumeState state) {
    Duration unused = input.plan().autoCleanup();
    boolean free =
        state.phase() == Phase.ACTIVE && state.attachments().isEmpty() && state.waiting().isEmpty();
    return unused == null || !free ? null : state.usedAt().plus(unused);
  }

  private static @Nullable Instant checkAt(VolumeState state) {
    boolean owned = state.attachments().stream().anyMatch(one -> !one.users().isEmpty());
    Instant since = state.checkedAt() == null ? state.usedAt() : state.checkedAt();
    return owned ? since.plus(CHECK_OWNERS) : null;
  }

  void tick(Instant at) {
    for (Attachment one : List.copyOf(volume.attachments)) {
      Instant forceAt = one.forceAt();
      if (one.leaving() && forceAt != null && !at.isBefore(forceAt)) {
        volume.attachments.set(volume.attachments.indexOf(one), one.with(one.link(), null));
        turn.commands.add(
            one.link() == Link.DETACHING
                ? new VolumeCommand.CancelDetach(one.instance())
                : new VolumeCommand.DetachFrom(one.host(), true));
      }
    }
    for (Waiting one : List.copyOf(volume.waiting)) {
      if (!at.isBefore(one.until())) {
        volume.waiting.remove(one);
        use.refuse(
            one.request().job(),
            ErrorKind.TIMED_OUT,
            volume.phase == Phase.ACTIVE
                ? "was not let go of in time by " + VolumeUse.names(volume.attachments)
                : "was not ready in time");
      }
    }
    VolumeState state = volume.freeze();
    Instant cleanupAt = cleanupAt(turn.input, state);
    if (cleanupAt != null && !at.isBefore(cleanupAt)) {
      turn.fact("Volume is deleted: nobody has used it for long enough");
      life.end();
    }
    Instant checkAt = checkAt(state);
    if (checkAt != null && !at.isBefore(checkAt)) {
      volume.checkedAt = at;
      turn.commands.add(
          new VolumeCommand.FindClosed(
              state.attachments().stream()
                  .flatMap(one -> one.users().stream())
                  .map(AttachRequest::jobWorkflowId)
                  .distinct()
                  .toList()));
    }
  }
}
