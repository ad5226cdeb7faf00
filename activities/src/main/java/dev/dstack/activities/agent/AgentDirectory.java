package dev.dstack.activities.agent;

import dev.dstack.activities.cloud.BackendRegistry;
import dev.dstack.backends.AgentAddress;
import dev.dstack.backends.ComputeBackend;
import dev.dstack.backends.HostAgent;
import dev.dstack.backends.InstanceTag;
import dev.dstack.backends.WithOwnAgents;
import dev.dstack.db.records.InstanceMachine;
import dev.dstack.db.records.InstanceMachines;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.InstanceId;
import java.net.URI;
import java.net.http.HttpClient;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.Executors;

/** Finds the host agent of an instance. */
public final class AgentDirectory implements AutoCloseable {
  /** How long an address is believed; an agent that does not answer is looked up again at once. */
  private static final Duration BELIEVED = Duration.ofSeconds(10);

  private final InstanceMachines machines;
  private final BackendRegistry backends;
  private final String deployment;
  private final InstantSource clock;
  private final HttpClient http =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(Duration.ofSeconds(3))
          .executor(Executors.newVirtualThreadPerTaskExecutor())
          .build();
  private final ConcurrentMap<InstanceId, Known> known = new ConcurrentHashMap<>();

  private record Known(HostAgent agent, Instant until) {}

  public AgentDirectory(
      InstanceMachines machines, BackendRegistry backends, String deployment, InstantSource clock) {
    this.machines = machines;
    this.backends = backends;
    this.deployment = deployment;
    this.clock = clock;
  }

  /**
   * @throws DstackException HOST_LOST when the machine is known to be gone, AGENT_UNREACHABLE while
   *     its agent's address is not known yet
   */
  public HostAgent agent(InstanceId instance) {
    Instant now = clock.instant();
    Known entry = known.get(instance);
    if (entry != null && now.isBefore(entry.until())) {
      return entry.agent();
    }
    HostAgent agent = find(instance);
    known.values().removeIf(old -> !now.isBefore(old.until()));
    known.put(instance, new Known(agent, now.plus(BELIEVED)));
    return agent;
  }

  /** The next call looks the address up again. */
  public void forget(InstanceId instance) {
    known.remove(instance);
  }

  /** An agent at an address that is not written down yet. */
  public HostAgent at(AgentAddress address) {
    return new HttpHostAgent(http, address);
  }

  private HostAgent find(InstanceId instance) {
    InstanceMachine machine =
        machines
            .current(instance)
            .orElseThrow(
                () ->
                    new DstackException(
                        ErrorKind.HOST_LOST, "Instance " + instance + " has no machine any more"));
    ComputeBackend backend = backends.backend(machine.project(), machine.backend());
    if (backend instanceof WithOwnAgents own) {
      return own.agentOf(new InstanceTag(deployment, instance, machine.attempt()));
    }
    URI uri = machine.agentUri();
    String token = machine.agentToken();
    if (uri == null || token == null) {
      throw new DstackException(
          ErrorKind.AGENT_UNREACHABLE, "The host agent of instance " + instance + " is not up yet");
    }
    return at(new AgentAddress(uri, token));
  }

  @Override
  public void close() {
    http.close();
  }
}
