package dev.dstack.workflows.instance;

import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.WorkflowIds;
import dev.dstack.workflows.instance.CloudActivities.HostNews;
import dev.dstack.workflows.instance.CloudActivities.MachineView;
import dev.dstack.workflows.simulation.Actor;
import dev.dstack.workflows.view.InstanceView;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** The real decider of an instance; its commands go to the simulated world. */
public final class InstanceActor implements Actor {
  /** Where commands go. */
  public interface World {
    void create(InstanceActor from);

    void awaitHost(InstanceActor from);

    void cancelProvisioning(InstanceActor from);

    void watchHost(InstanceActor from, boolean reachable);

    void cancelWatch(InstanceActor from);

    void revive(InstanceActor from);

    void terminate(InstanceActor from);

    void tell(InstanceActor from, InstanceReport report);

    void shown(InstanceView view);
  }

  private final InstanceInput input;
  private final World world;
  private InstanceState state;

  public InstanceActor(InstanceInput input, World world) {
    this.input = input;
    this.world = world;
    this.state = InstanceState.initial(input);
  }

  @Override
  public String id() {
    return WorkflowIds.instance(input.id());
  }

  public InstanceId instance() {
    return input.id();
  }

  public InstanceInput input() {
    return input;
  }

  @Override
  public @Nullable Instant deadline() {
    return InstanceDecider.deadline(state);
  }

  @Override
  public void tick(Instant deadline, Instant now) {
    feed(new InstanceEvent.Tick(deadline), deadline);
  }

  @Override
  public boolean closed() {
    return state.phase() == InstanceState.Phase.GONE;
  }

  public void begin(Instant now) {
    feed(new InstanceEvent.Begin(), now);
  }

  public void created(MachineView machine, Instant now) {
    feed(new InstanceEvent.Created(machine), now);
  }

  public void hostUp(MachineView machine, Instant now) {
    feed(new InstanceEvent.HostUp(machine), now);
  }

  public void provisioningFailed(ErrorKind kind, String message, Instant now) {
    feed(new InstanceEvent.ProvisioningFailed(kind, message), now);
  }

  public void provisioningCanceled(Instant now) {
    feed(new InstanceEvent.ProvisioningCanceled(), now);
  }

  public void hostChanged(boolean reachable, Instant now) {
    feed(new InstanceEvent.HostChanged(new HostNews(reachable, "no answer")), now);
  }

  /** Its fleet may send jobs there, as far as it knows. */
  public boolean fit() {
    return state.unfit() == null;
  }

  public void healthChanged(boolean fit, Instant now) {
    feed(new InstanceEvent.HostChanged(HostNews.health(fit, "GPU 0")), now);
  }

  public void watchFailed(Instant now) {
    feed(new InstanceEvent.WatchFailed("the call failed"), now);
  }

  public void revived(boolean succeeded, Instant now) {
    feed(new InstanceEvent.Revived(succeeded, "no answer"), now);
  }

  public void terminate(InstanceTermination why, Instant now) {
    feed(new InstanceEvent.TerminationAsked(why), now);
  }

  public void terminated(Instant now) {
    feed(new InstanceEvent.Terminated(), now);
  }

  public void terminationFailed(Instant now) {
    feed(new InstanceEvent.TerminationFailed("not allowed"), now);
  }

  private void feed(InstanceEvent event, Instant now) {
    if (closed()) {
      return;
    }
    InstanceDecider.Decision decision = InstanceDecider.decide(input, state, event, now);
    state = decision.state();
    for (InstanceCommand command : decision.commands()) {
      switch (command) {
        case InstanceCommand.Create _ -> world.create(this);
        case InstanceCommand.AwaitHost _ -> world.awaitHost(this);
        case InstanceCommand.CancelProvisioning _ -> world.cancelProvisioning(this);
        case InstanceCommand.WatchHost(boolean reachable) -> world.watchHost(this, reachable);
        case InstanceCommand.CancelWatch _ -> world.cancelWatch(this);
        case InstanceCommand.Revive _ -> world.revive(this);
        case InstanceCommand.Terminate _ -> world.terminate(this);
        case InstanceCommand.Show(InstanceView view) -> world.shown(view);
        case InstanceCommand.Tell(InstanceReport report) -> world.tell(this, report);
      }
    }
  }
}
