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
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.json.Json;
import java.net.URI;
import java.net.http.HttpClient;

/**
 * Which agent an instance has. Every worker finds the same one, because it stands in the records.
 */
public final class AgentDirectory {
  private final InstanceMachines machines;
  private final BackendRegistry backends;
  private final HttpClient client;

  public AgentDirectory(InstanceMachines machines, BackendRegistry backends, HttpClient client) {
    this.machines = machines;
    this.backends = backends;
    this.client = client;
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
      return new HttpHostAgent(client, new AgentAddress(uri, token));
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

  /** From now on every worker reaches the instance's agent here. */
  public void save(ProjectId project, Machine machine) {
    AgentAddress address = machine.agent();
    machines.save(
        new InstanceMachine(
            machine.tag().instance(),
            machine.tag().attempt(),
            project,
            machine.offer().backend(),
            machine.providerId(),
            machine.hostname(),
            address == null ? null : address.uri(),
            address == null ? null : address.token(),
            Json.lenient().writeValueAsString(machine.offer())));
  }

  public void forget(InstanceId instance, int attempt) {
    machines.terminated(instance, attempt);
  }

  public InstanceTag tag(InstanceId instance, int attempt) {
    return new InstanceTag(backends.deployment(), instance, attempt);
  }
}
