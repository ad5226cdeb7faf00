package dev.dstack.activities.cloud;

import dev.dstack.activities.backend.BackendRegistry;
import dev.dstack.activities.host.AgentDirectory;
import dev.dstack.activities.support.Heartbeats;
import dev.dstack.activities.support.Heartbeats.Beating;
import dev.dstack.activities.support.Pause;
import dev.dstack.backends.ComputeBackend;
import dev.dstack.backends.InstanceTag;
import dev.dstack.backends.Machine;
import dev.dstack.backends.MachineSpec;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.offer.Requirements;
import dev.dstack.workflows.instance.CloudActivities;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** The calls to providers that a fleet and its instances make. */
public final class CloudActivitiesImpl implements CloudActivities {
  private final BackendRegistry backends;
  private final AgentDirectory directory;
  private final Heartbeats heartbeats;
  private final Duration probeEvery;
  private final int failuresUntilUnreachable;

  /**
   * @param probeEvery how often the watch asks an agent whether it is there
   * @param failuresUntilUnreachable how many unanswered questions in a row count as silence
   */
  public CloudActivitiesImpl(
      BackendRegistry backends,
      AgentDirectory directory,
      Heartbeats heartbeats,
      Duration probeEvery,
      int failuresUntilUnreachable) {
    this.backends = backends;
    this.directory = directory;
    this.heartbeats = heartbeats;
    this.probeEvery = probeEvery;
    this.failuresUntilUnreachable = failuresUntilUnreachable;
  }

  @Override
  public List<Offer> offers(ProjectId project, BackendType backend, Requirements requirements) {
    return backends.get(project, backend).offers(requirements);
  }

  @Override
  public MachineView ensureMachine(MachineOrder order) {
    ComputeBackend backend = backends.get(order.projectId(), order.offer().backend());
    Machine machine =
        backend.ensure(
            new MachineSpec(tag(order), order.instanceName(), order.project(), order.offer()));
    directory.save(order.projectId(), machine);
    return view(machine);
  }

  @Override
  public MachineView awaitHost(MachineOrder order) {
    ComputeBackend backend = backends.await(order.projectId(), order.offer().backend());
    Machine machine = found(backend, order);
    try {
      directory.agentOf(backend, machine).info();
    } catch (DstackException e) {
      throw e.kind() == ErrorKind.AGENT_UNREACHABLE
          ? new DstackException(ErrorKind.NOT_READY, String.valueOf(e.getMessage()), e)
          : e;
    }
    directory.save(order.projectId(), machine);
    return view(machine);
  }

  @Override
  public HostNews watchHost(MachineOrder order, boolean reachable) {
    try (Beating beating = heartbeats.start(reachable)) {
      try {
        return watch(order, reachable, beating);
      } catch (InterruptedException e) {
        beating.check();
        Thread.currentThread().interrupt();
        throw new DstackException(
            ErrorKind.AGENT_UNREACHABLE, "This worker ends; another one goes on watching.", e);
      } catch (RuntimeException e) {
        beating.check();
        throw e;
      }
    }
  }

  private HostNews watch(MachineOrder order, boolean reachable, Beating beating)
      throws InterruptedException {
    int failures = 0;
    while (true) {
      beating.check();
      Optional<String> silence = silence(order, failures > 0 || !reachable);
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
      if (silence.isEmpty()) {
        if (!reachable) {
          return new HostNews(true, "The host agent answers again.");
        }
        failures = 0;
      } else if (reachable && ++failures >= failuresUntilUnreachable) {
        return new HostNews(false, silence.get());
      }
      Pause.of(failures == 0 ? probeEvery : probeEvery.dividedBy(2));
    }
  }

  /**
   * Empty: the agent answers.
   *
   * @param lookAgain ask the provider, because the agent may have another address now
   */
  private Optional<String> silence(MachineOrder order, boolean lookAgain) {
    try {
      if (lookAgain) {
        ComputeBackend backend = backends.await(order.projectId(), order.offer().backend());
        Machine machine = found(backend, order);
        directory.agentOf(backend, machine).info();
        directory.save(order.projectId(), machine);
      } else {
        directory.agentOf(order.instance()).info();
      }
      return Optional.empty();
    } catch (DstackException e) {
      if (e.kind() == ErrorKind.DATABASE_DOWN) {
        throw e;
      }
      return Optional.of(String.valueOf(e.getMessage()));
    }
  }

  @Override
  public void terminateMachine(MachineOrder order) {
    backends.await(order.projectId(), order.offer().backend()).terminate(tag(order));
    directory.forget(order.instance(), order.attempt());
  }

  private Machine found(ComputeBackend backend, MachineOrder order) {
    return backend
        .find(tag(order))
        .orElseThrow(
            () ->
                new DstackException(
                    ErrorKind.HOST_LOST, "The machine of " + order.instanceName() + " is gone."));
  }

  private InstanceTag tag(MachineOrder order) {
    return directory.tag(order.instance(), order.attempt());
  }

  private static MachineView view(Machine machine) {
    return new MachineView(machine.providerId(), machine.offer(), machine.hostname());
  }
}
