package dev.dstack.activities.host;

import dev.dstack.activities.backend.BackendRegistry;
import dev.dstack.backends.AgentAddress;
import dev.dstack.backends.ComputeBackend;
import dev.dstack.backends.HostAgent;
import dev.dstack.backends.InstanceTag;
import dev.dstack.backends.Machine;
import dev.dstack.backends.WithOwnAgents;
import dev.dstack.db.records.InstanceMachine;
import dev.dstack.db.records.InstanceMachines;
import dev.dstack.model.agent.AccessRequest;
import dev.dstack.model.agent.TaskRequest;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.json.Json;
import dev.dstack.model.offer.Offer;
import java.net.URI;
import java.net.http.HttpClient;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Which agent an instance has. Every worker finds the same one, because it stands in the records.
 */
public final class AgentDirectory {
  private static final Duration REMOTE_PATIENCE = Duration.ofMinutes(15);

  private final InstanceMachines machines;
  private final BackendRegistry backends;
  private final HttpClient client;
  private final Hosts hosts;

  public AgentDirectory(
      InstanceMachines machines, BackendRegistry backends, HttpClient client, Hosts hosts) {
    this.machines = machines;
    this.backends = backends;
    this.client = client;
    this.hosts = hosts;
  }

  /**
   * @throws DstackException HOST_LOST when the instance has no machine (any more),
   *     AGENT_UNREACHABLE when its agent's address is not known yet
   */
  public HostAgent agentOf(InstanceId instance) {
    InstanceMachine machine = machine(instance);
    URI uri = machine.agentUri();
    String token = machine.agentToken();
    if (uri != null && token != null) {
      AgentAddress there = new AgentAddress(uri, token);
      return Hosts.login(machine)
          .map(
              login ->
                  new HttpHostAgent(
                      client, hosts.reach(machine, login, there), login.host().hostname()))
          .orElseGet(() -> new HttpHostAgent(client, there));
    }
    if (backends.await(machine.project(), machine.backend()) instanceof WithOwnAgents own) {
      return own.agentOf(tag(instance, machine.attempt()));
    }
    throw new DstackException(
        ErrorKind.AGENT_UNREACHABLE,
        "The address of the host agent of instance " + instance + " is not known yet.");
  }

  /**
   * @throws DstackException HOST_LOST when the instance has no machine (any more)
   */
  public InstanceMachine machine(InstanceId instance) {
    return machines
        .current(instance)
        .orElseThrow(
            () ->
                new DstackException(
                    ErrorKind.HOST_LOST, "Instance " + instance + " has no machine any more."));
  }

  /**
   * The agent of a machine as its provider has just described it.
   *
   * @throws DstackException NOT_READY when there is none yet
   */
  public HostAgent agentOf(ComputeBackend backend, Machine machine) {
    AgentAddress address = machine.agent();
    if (address != null) {
      return new HttpHostAgent(client, address);
    }
    if (backend instanceof WithOwnAgents own) {
      return own.agentOf(machine.tag());
    }
    throw new DstackException(
        ErrorKind.NOT_READY, "The machine " + machine.providerId() + " has no host agent yet.");
  }

  /**
   * From now on every worker reaches the instance's agent here. What is known of a machine that is
   * logged in to is kept.
   */
  public void save(ProjectId project, Machine machine) {
    AgentAddress address = machine.agent();
    InstanceMachine known = address == null ? find(machine.tag()).orElse(null) : null;
    machines.save(
        new InstanceMachine(
            machine.tag().instance(),
            machine.tag().attempt(),
            project,
            machine.offer().backend(),
            machine.providerId(),
            machine.hostname(),
            address != null ? address.uri() : known == null ? null : known.agentUri(),
            address != null ? address.token() : known == null ? null : known.agentToken(),
            Json.lenient().writeValueAsString(machine.offer()),
            known == null ? null : known.accessJson(),
            known != null && known.touched()));
  }

  /**
   * What a job gets from its machine: the variables of a fleet of hosts. Whoever may log in to the
   * job may go through the machine from now on.
   */
  public TaskRequest admit(InstanceId instance, TaskRequest task) {
    InstanceMachine machine = machine(instance);
    if (machine.accessJson() == null) {
      return task;
    }
    AccessRequest access = task.access();
    hosts.authorize(machine, task.id(), access == null ? List.of() : access.authorizedKeys());
    Map<String, String> env = new LinkedHashMap<>(Hosts.env(machine));
    env.putAll(task.env());
    return task.withEnv(env);
  }

  /** The job is over; whoever came through the machine has nothing to look for there any more. */
  public void dismiss(InstanceId instance, JobId job) {
    machines.current(instance).ifPresent(machine -> hosts.withdraw(machine, job));
  }

  /**
   * How long an agent may be silent before its jobs count as lost: a host of one's own comes back
   * where a cloud's machine may be gone.
   */
  public Duration patience(InstanceId instance, Duration usual) {
    boolean remote =
        machines.current(instance).map(machine -> machine.accessJson() != null).orElse(false);
    return remote && usual.compareTo(REMOTE_PATIENCE) < 0 ? REMOTE_PATIENCE : usual;
  }

  /** The machine of this very attempt. */
  public Optional<InstanceMachine> find(InstanceTag tag) {
    return machines.current(tag.instance()).filter(machine -> machine.attempt() == tag.attempt());
  }

  /** How to log in to the machine; {@link #save} comes first. */
  public InstanceMachine saveLogin(InstanceTag tag, Hosts.Login login) {
    InstanceMachine known = machine(tag.instance());
    InstanceMachine changed = Hosts.with(known, login.json(), known.touched());
    if (!changed.equals(known)) {
      machines.save(changed);
    }
    return changed;
  }

  /** Where its own host sees the agent of a machine that is logged in to. */
  public void saveAgent(InstanceTag tag, AgentAddress there, Offer offer) {
    InstanceMachine known = machine(tag.instance());
    machines.save(
        new InstanceMachine(
            known.instance(),
            known.attempt(),
            known.project(),
            known.backend(),
            known.providerId(),
            known.hostname(),
            there.uri(),
            there.token(),
            Json.lenient().writeValueAsString(offer),
            known.accessJson(),
            true));
  }

  public void forget(InstanceId instance, int attempt) {
    machines.terminated(instance, attempt);
  }

  public InstanceTag tag(InstanceId instance, int attempt) {
    return new InstanceTag(backends.deployment(), instance, attempt);
  }
}
