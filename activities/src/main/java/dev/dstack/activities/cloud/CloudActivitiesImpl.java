package dev.dstack.activities.cloud;

import dev.dstack.activities.backend.BackendRegistry;
import dev.dstack.activities.host.AgentDirectory;
import dev.dstack.activities.host.Hosts;
import dev.dstack.activities.support.Heartbeats;
import dev.dstack.activities.support.Heartbeats.Beating;
import dev.dstack.activities.support.Pause;
import dev.dstack.backends.ComputeBackend;
import dev.dstack.backends.HostAgent;
import dev.dstack.backends.InstanceTag;
import dev.dstack.backends.Machine;
import dev.dstack.backends.MachineSpec;
import dev.dstack.backends.SshEndpoint;
import dev.dstack.model.agent.HostHealth;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.offer.Requirements;
import dev.dstack.workflows.instance.CloudActivities;
import dev.dstack.workflows.instance.FoundOffers;
import dev.dstack.workflows.instance.OfferSearch;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The calls to providers that a fleet and its instances make. */
public final class CloudActivitiesImpl implements CloudActivities {
  private static final int CHECKS_UNTIL_WELL = 2;

  private final BackendRegistry backends;
  private final AgentDirectory directory;
  private final RemoteMachines remote;
  private final MachineWishes wishes;
  private final HealthChecks health;
  private final LeftTasks leftTasks;
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
      Hosts hosts,
      HealthChecks health,
      LeftTasks leftTasks,
      Heartbeats heartbeats,
      Duration probeEvery,
      int failuresUntilUnreachable) {
    this.backends = backends;
    this.directory = directory;
    this.remote = new RemoteMachines(directory, hosts);
    this.wishes = new MachineWishes(hosts.logins(), backends.deployment());
    this.health = health;
    this.leftTasks = leftTasks;
    this.heartbeats = heartbeats;
    this.probeEvery = probeEvery;
    this.failuresUntilUnreachable = failuresUntilUnreachable;
  }

  @Override
  public List<Offer> offers(ProjectId project, BackendType backend, Requirements requirements) {
    return backends.get(project, backend).offers(requirements);
  }

  @Override
  public FoundOffers findOffers(ProjectId project, BackendType backend, OfferSearch search) {
    return OfferChoice.of(backends.get(project, backend), search);
  }

  @Override
  public MachineView ensureMachine(MachineOrder order) {
    if (RemoteMachines.isHost(order)) {
      return remote.ensureHost(order);
    }
    ComputeBackend backend = backends.get(order.projectId(), order.offer().backend());
    Machine machine =
        backend.ensure(
            new MachineSpec(
                tag(order),
                order.instanceName(),
                order.project(),
                order.offer(),
                wishes.of(order, backend)));
    directory.save(order.projectId(), machine);
    return view(machine);
  }

  @Override
  public MachineView awaitHost(MachineOrder order) {
    if (RemoteMachines.isHost(order)) {
      return remote.awaitHost(order);
    }
    ComputeBackend backend = backends.await(order.projectId(), order.offer().backend());
    Machine machine = found(backend, order);
    SshEndpoint ssh = machine.agent() == null ? machine.ssh() : null;
    if (ssh != null) {
      return remote.awaitMachine(order, machine, ssh);
    }
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
  public HostNews watchHost(MachineOrder order, boolean reachable, @Nullable Boolean fit) {
    try (Beating beating = heartbeats.start(reachable)) {
      try {
        return watch(order, reachable, fit, beating);
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

  private HostNews watch(
      MachineOrder order, boolean reachable, @Nullable Boolean fit, Beating beating)
      throws InterruptedException {
    int failures = 0;
    int well = 0;
    HealthChecks.Watch checks = health.watch(order.instance());
    LeftTasks.Watch left = leftTasks.watch(order);
    KnownAgent agent = new KnownAgent(order.instance());
    if (reachable && remote.has(order)) {
      remote.upgrade(order);
    }
    while (true) {
      beating.check();
      Optional<Silence> silence = silence(order, agent, failures > 0 || !reachable);
      if (silence.isEmpty()) {
        silence = leftovers(left, agent);
      } else {
        left.wasSilent();
      }
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
      if (silence.isEmpty()) {
        if (!reachable) {
          return new HostNews(true, "The host agent answers again.");
        }
        failures = 0;
        Optional<HostHealth> seen = checks.look(agent::get);
        if (fit != null && seen.isPresent()) {
          boolean failed = seen.get().level() == HostHealth.Level.FAILURE;
          well = failed ? 0 : well + 1;
          if (fit && failed) {
            return HostNews.health(false, words(seen.get()));
          }
          // Once may be luck; what comes and goes must not fill the history.
          if (!fit && well >= CHECKS_UNTIL_WELL) {
            return HostNews.health(true, "The accelerators are well again.");
          }
        }
      } else if (!reachable && !silence.get().gone()) {
        failures = 0;
      } else if (++failures >= failuresUntilUnreachable) {
        // Once may be a list that lags behind; so often in a row is an answer.
        return silence.get().gone()
            ? HostNews.gone(silence.get().words())
            : new HostNews(false, silence.get().words());
      }
      Pause.of(failures == 0 ? probeEvery : probeEvery.dividedBy(2));
    }
  }

  /** Before new jobs come, since what is left holds what they need. */
  private static Optional<Silence> leftovers(LeftTasks.Watch left, KnownAgent agent)
      throws InterruptedException {
    try {
      left.look(agent.get());
      return Optional.empty();
    } catch (DstackException e) {
      if (e.kind() == ErrorKind.DATABASE_DOWN) {
        throw e;
      }
      // What does not die at once is looked for again with the next question.
      return e.kind() == ErrorKind.NOT_READY
          ? Optional.empty()
          : Optional.of(new Silence(String.valueOf(e.getMessage()), false));
    }
  }

  private static String words(HostHealth health) {
    return health.incidents().isEmpty()
        ? "nothing is said of what is wrong"
        : String.join("; ", health.incidents());
  }

  /**
   * @param gone the provider has no such machine any more
   */
  private record Silence(String words, boolean gone) {}

  /**
   * Empty: the agent answers.
   *
   * @param lookAgain ask the provider, because the agent may have another address now
   */
  private Optional<Silence> silence(MachineOrder order, KnownAgent agent, boolean lookAgain) {
    try {
      if (lookAgain && RemoteMachines.isHost(order)) {
        remote.look(order, null);
      } else if (lookAgain) {
        ComputeBackend backend = backends.await(order.projectId(), order.offer().backend());
        Optional<Machine> there = backend.find(tag(order));
        if (there.isEmpty()) {
          return Optional.of(
              new Silence("The provider has no machine of " + order.instanceName(), true));
        }
        Machine machine = there.get();
        if (machine.agent() == null && remote.has(order)) {
          remote.look(order, machine);
        } else {
          directory.agentOf(backend, machine).info();
          directory.save(order.projectId(), machine);
        }
      } else {
        agent.ask();
      }
      return Optional.empty();
    } catch (DstackException e) {
      if (e.kind() == ErrorKind.DATABASE_DOWN) {
        throw e;
      }
      return Optional.of(new Silence(String.valueOf(e.getMessage()), false));
    }
  }

  /** Where the agent is does not change while it answers there: a thousand need no queries. */
  private final class KnownAgent {
    private final InstanceId instance;
    private @Nullable HostAgent known;

    private KnownAgent(InstanceId instance) {
      this.instance = instance;
    }

    HostAgent get() {
      HostAgent agent = known;
      if (agent == null) {
        agent = directory.agentOf(instance);
        known = agent;
      }
      return agent;
    }

    void ask() {
      if (known != null) {
        try {
          known.info();
          return;
        } catch (DstackException e) {
          known = null;
        }
      }
      try {
        get().info();
      } catch (DstackException e) {
        known = null;
        throw e;
      }
    }
  }

  @Override
  public void terminateMachine(MachineOrder order) {
    if (RemoteMachines.isHost(order)) {
      remote.leaveHost(order);
    } else {
      backends.await(order.projectId(), order.offer().backend()).terminate(tag(order));
      remote.disconnect(order);
    }
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
