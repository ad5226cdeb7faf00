package dev.dstack.workflows.volume;

import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.workflows.volume.VolumeCloudActivities.Made;
import dev.dstack.workflows.volume.VolumeCloudActivities.Mounted;
import dev.dstack.workflows.volume.VolumeState.Attachment;
import dev.dstack.workflows.volume.VolumeState.Link;
import dev.dstack.workflows.volume.VolumeState.Phase;
import dev.dstack.workflows.volume.VolumeState.Refusal;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Decides what a volume does next. No clock, no calls: state and event in, both out. */
final class VolumeDecider {
  record Decision(VolumeState state, List<VolumeCommand> commands) {
    Decision {
      commands = List.copyOf(commands);
    }
  }

  private VolumeDecider() {}

  static Decision decide(VolumeInput input, VolumeState state, VolumeEvent event, Instant now) {
    VolumeTurn turn = new VolumeTurn(input, state, now);
    if (state.phase() != Phase.DELETED) {
      on(event, turn);
    }
    turn.end();
    return new Decision(turn.volume.freeze(), turn.commands);
  }

  /** When something happens if nothing else does; absent: only an event can move it. */
  static @Nullable Instant deadline(VolumeInput input, VolumeState state) {
    return VolumeTimes.deadline(input, state);
  }

  private static void on(VolumeEvent event, VolumeTurn turn) {
    VolumeUse use = new VolumeUse(turn);
    VolumeLife life = new VolumeLife(turn, use);
    switch (event) {
      case VolumeEvent.Begin _ -> life.begin();
      case VolumeEvent.Ready(Made made) -> life.ready(made);
      case VolumeEvent.NotMade(ErrorKind _, String message) -> life.notMade(message);
      case VolumeEvent.Attach(AttachRequest request) -> use.attach(request);
      case VolumeEvent.Detach(JobId job) -> use.detach(job);
      case VolumeEvent.Attached(InstanceId instance, Mounted mounted) ->
          use.attached(instance, mounted);
      case VolumeEvent.NotAttached(InstanceId instance, ErrorKind kind, String message) ->
          use.notAttached(instance, kind, message);
      case VolumeEvent.Detached(InstanceId instance) -> use.detached(instance);
      case VolumeEvent.NotDetached(InstanceId instance, boolean forced, String message) ->
          use.notDetached(instance, forced, message);
      case VolumeEvent.Delete _ -> life.delete();
      case VolumeEvent.Deleted _ -> life.deleted();
      case VolumeEvent.NotDeleted(String message) -> life.notDeleted(message);
      case VolumeEvent.OwnersClosed(List<String> closed) -> use.ownersClosed(closed);
      case VolumeEvent.Tick(Instant at) -> new VolumeTimes(turn, use, life).tick(at);
    }
  }

  static VolumeAnswer answer(VolumeInput input, VolumeState state, JobId job) {
    for (Attachment one : state.attachments()) {
      if (one.users().isEmpty() && job.equals(one.last())) {
        return new VolumeAnswer.Pending("is being detached from " + one.host().name());
      }
      if (one.users().stream().anyMatch(user -> user.job().equals(job))) {
        Mounted mounted = one.mounted();
        Made made = state.made();
        return one.link() == Link.ATTACHED && mounted != null && made != null
            ? new VolumeAnswer.Attached(
                made.providerId(),
                mounted.device(),
                mounted.directory(),
                mounted.device() != null && input.plan().existing() == null)
            : new VolumeAnswer.Pending("is being attached to " + one.host().name());
      }
    }
    if (state.waiting().stream().anyMatch(one -> one.request().job().equals(job))) {
      return new VolumeAnswer.Pending(
          state.phase() == Phase.ACTIVE
              ? "waits until it is detached from " + VolumeUse.names(state.attachments())
              : "is not ready yet");
    }
    Optional<Refusal> refusal =
        state.refused().stream().filter(one -> one.job().equals(job)).findFirst();
    if (refusal.isPresent()) {
      return new VolumeAnswer.Refused(refusal.get().kind(), refusal.get().message());
    }
    return new VolumeAnswer.None();
  }
}
