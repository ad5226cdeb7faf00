package dev.dstack.workflows.volume;

import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.WorkflowIds;
import dev.dstack.workflows.simulation.Actor;
import dev.dstack.workflows.view.VolumeView;
import dev.dstack.workflows.volume.VolumeCloudActivities.Made;
import dev.dstack.workflows.volume.VolumeCloudActivities.Mounted;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The real decider of a volume; its commands go to the simulated world. */
public final class VolumeActor implements Actor {
  /** Where commands go. */
  public interface World {
    void ensure(VolumeActor from);

    void cancelEnsure(VolumeActor from);

    void attachTo(VolumeActor from, AttachRequest.Host host);

    void cancelAttach(VolumeActor from, InstanceId instance);

    void detachFrom(VolumeActor from, AttachRequest.Host host, boolean force);

    void cancelDetach(VolumeActor from, InstanceId instance);

    void deleteAtProvider(VolumeActor from);

    void findClosed(VolumeActor from, List<String> workflowIds);

    void shown(VolumeView view);
  }

  private final VolumeInput input;
  private final World world;
  private VolumeState state;

  public VolumeActor(VolumeInput input, World world) {
    this.input = input;
    this.world = world;
    this.state = VolumeState.initial(input.createdAt());
  }

  @Override
  public String id() {
    return WorkflowIds.volume(input.project(), input.name());
  }

  public VolumeInput input() {
    return input;
  }

  @Override
  public @Nullable Instant deadline() {
    return VolumeDecider.deadline(input, state);
  }

  @Override
  public void tick(Instant deadline, Instant now) {
    feed(new VolumeEvent.Tick(deadline), deadline);
  }

  @Override
  public boolean closed() {
    return state.phase() == VolumeState.Phase.DELETED;
  }

  public void begin(Instant now) {
    feed(new VolumeEvent.Begin(), now);
  }

  public void ready(Made made, Instant now) {
    feed(new VolumeEvent.Ready(made), now);
  }

  public void notMade(ErrorKind kind, Instant now) {
    feed(new VolumeEvent.NotMade(kind, "not now"), now);
  }

  public void attach(AttachRequest request, Instant now) {
    feed(new VolumeEvent.Attach(request), now);
  }

  public void detach(JobId job, Instant now) {
    feed(new VolumeEvent.Detach(job), now);
  }

  public void attached(InstanceId instance, Mounted mounted, Instant now) {
    feed(new VolumeEvent.Attached(instance, mounted), now);
  }

  public void notAttached(InstanceId instance, ErrorKind kind, Instant now) {
    feed(new VolumeEvent.NotAttached(instance, kind, "not now"), now);
  }

  public void detached(InstanceId instance, Instant now) {
    feed(new VolumeEvent.Detached(instance), now);
  }

  public void notDetached(InstanceId instance, boolean forced, Instant now) {
    feed(new VolumeEvent.NotDetached(instance, forced, "not now"), now);
  }

  public void delete(Instant now) {
    feed(new VolumeEvent.Delete(), now);
  }

  public void deleted(Instant now) {
    feed(new VolumeEvent.Deleted(), now);
  }

  public void notDeleted(Instant now) {
    feed(new VolumeEvent.NotDeleted("not now"), now);
  }

  public void ownersClosed(List<String> closed, Instant now) {
    feed(new VolumeEvent.OwnersClosed(closed), now);
  }

  public VolumeAnswer answer(JobId job) {
    return closed() ? new VolumeAnswer.None() : VolumeDecider.answer(input, state, job);
  }

  private void feed(VolumeEvent event, Instant now) {
    if (closed()) {
      return;
    }
    VolumeDecider.Decision decision = VolumeDecider.decide(input, state, event, now);
    state = decision.state();
    for (VolumeCommand command : decision.commands()) {
      switch (command) {
        case VolumeCommand.Ensure _ -> world.ensure(this);
        case VolumeCommand.CancelEnsure _ -> world.cancelEnsure(this);
        case VolumeCommand.AttachTo(AttachRequest.Host host) -> world.attachTo(this, host);
        case VolumeCommand.CancelAttach(InstanceId instance) -> world.cancelAttach(this, instance);
        case VolumeCommand.DetachFrom(AttachRequest.Host host, boolean force) ->
            world.detachFrom(this, host, force);
        case VolumeCommand.CancelDetach(InstanceId instance) -> world.cancelDetach(this, instance);
        case VolumeCommand.DeleteAtProvider _ -> world.deleteAtProvider(this);
        case VolumeCommand.FindClosed(List<String> ids) -> world.findClosed(this, ids);
        case VolumeCommand.Show(VolumeView view) -> world.shown(view);
      }
    }
  }
}
