package dev.dstack.activities.cloud;

import dev.dstack.activities.host.AgentDirectory;
import dev.dstack.activities.host.Hosts;
import dev.dstack.activities.host.Hosts.Login;
import dev.dstack.backends.InstanceTag;
import dev.dstack.backends.Machine;
import dev.dstack.backends.RemoteHosts.Installed;
import dev.dstack.backends.SshEndpoint;
import dev.dstack.backends.SshHostSpec;
import dev.dstack.db.records.InstanceMachine;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.json.Json;
import dev.dstack.model.offer.Availability;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.offer.SshAccess;
import dev.dstack.workflows.fleet.FleetPlan;
import dev.dstack.workflows.instance.CloudActivities.MachineOrder;
import dev.dstack.workflows.instance.CloudActivities.MachineView;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Machines on which the host agent is installed by logging in: hosts of fleets, which no backend
 * knows, and machines of clouds that come without one.
 */
final class RemoteMachines {
  private static final Logger LOG = LoggerFactory.getLogger(RemoteMachines.class);

  /** In an offer's backendData: which of the fleet's hosts it is. */
  private static final String HOST = "host";

  private final AgentDirectory directory;
  private final Hosts hosts;

  RemoteMachines(AgentDirectory directory, Hosts hosts) {
    this.directory = directory;
    this.hosts = hosts;
  }

  static boolean isHost(MachineOrder order) {
    return order.offer().backend().equals(BackendType.SSH);
  }

  /** Whether the agent of the machine is reached by logging in. */
  boolean has(MachineOrder order) {
    return isHost(order)
        || directory.find(tag(order)).map(machine -> machine.accessJson() != null).orElse(false);
  }

  /**
   * Notes down how to log in to a host of a fleet. Where there was an agent already it is started
   * again, should it have ended.
   */
  MachineView ensureHost(MachineOrder order) {
    InstanceTag tag = tag(order);
    FleetId fleet = fleet(order);
    SshHostSpec host = hosts.logins().ofFleet(fleet, number(order));
    Optional<InstanceMachine> known = directory.find(tag);
    if (known.isEmpty()) {
      directory.save(
          order.projectId(),
          new Machine(
              tag,
              host.user() + "@" + host.hostname() + ":" + host.port(),
              order.offer(),
              host.hostname(),
              null));
    }
    InstanceMachine machine =
        directory.saveLogin(tag, new Login(fleet.value(), order.instanceName(), host));
    return known.isPresent() && known.get().agentToken() != null
        ? installed(order, machine)
        : new MachineView(machine.providerId(), order.offer(), machine.hostname());
  }

  MachineView awaitHost(MachineOrder order) {
    MachineView host = installed(order, directory.machine(order.instance()));
    checkBlocks(order, host);
    return host;
  }

  /** A cloud's machine boots: what does not work yet may work soon. */
  MachineView awaitMachine(MachineOrder order, Machine machine, SshEndpoint endpoint) {
    InstanceMachine known = noteLogin(order, machine, endpoint);
    try {
      return installed(order, known);
    } catch (DstackException e) {
      throw switch (e.kind()) {
        case FORBIDDEN, AGENT_REFUSED, AGENT_UNREACHABLE ->
            new DstackException(ErrorKind.NOT_READY, String.valueOf(e.getMessage()), e);
        default -> e;
      };
    }
  }

  private InstanceMachine noteLogin(MachineOrder order, Machine machine, SshEndpoint endpoint) {
    directory.save(order.projectId(), machine);
    return directory.saveLogin(
        tag(order),
        new Login(
            order.instance().value(),
            order.instanceName(),
            hosts.logins().ofCloud(order.projectId(), endpoint)));
  }

  private MachineView installed(MachineOrder order, InstanceMachine machine) {
    Installed installed = hosts.install(machine);
    Offer offer = offer(order, machine, installed);
    directory.saveAgent(tag(order), installed.address(), offer);
    return new MachineView(machine.providerId(), offer, machine.hostname(), installed.internalIp());
  }

  /** What a host really is comes from its agent; what a cloud's machine is, from the cloud. */
  private static Offer offer(MachineOrder order, InstanceMachine machine, Installed installed) {
    SshHostSpec host = Login.of(machine).host();
    SshHostSpec jump = host.proxyJump();
    SshAccess access =
        new SshAccess(
            host.user(),
            host.port(),
            jump == null ? null : new SshAccess.Proxy(jump.user(), jump.hostname(), jump.port()),
            installed.internalIp(),
            installed.network());
    Offer offer =
        isHost(order)
            ? new Offer(
                BackendType.SSH,
                "instance",
                "remote",
                installed.info().resources(),
                0,
                Availability.AVAILABLE,
                Map.of(HOST, Integer.toString(number(order))))
            : placed(order.offer(), machine);
    String driver = installed.info().gpuDriver();
    return access.in(driver == null ? offer : offer.withData(Offer.GPU_DRIVER, driver));
  }

  /** In the very zone that the cloud has chosen: volumes can be attached in their own zone only. */
  private static Offer placed(Offer ordered, InstanceMachine machine) {
    Offer noted = Json.lenient().readValue(machine.offerJson(), Offer.class);
    return noted.zones().isEmpty() ? ordered : ordered.inZones(noted.zones());
  }

  /** What a host has is known only now. */
  private void checkBlocks(MachineOrder order, MachineView host) {
    hosts
        .logins()
        .fleet(fleet(order))
        .map(fleet -> Json.lenient().readValue(fleet.planJson(), FleetPlan.class))
        .flatMap(plan -> plan.sharing(number(order)).refusal(host.offer().resources()))
        .ifPresent(
            why -> {
              throw new DstackException(ErrorKind.INVALID_SPEC, "The host " + why + ".");
            });
  }

  /**
   * After a call that was not answered: finds the agent again, should it have another port, or the
   * machine another address.
   *
   * @param machine as its cloud describes it now; absent: no cloud does
   */
  void look(MachineOrder order, @Nullable Machine machine) {
    SshEndpoint endpoint = machine == null ? null : machine.ssh();
    InstanceMachine known =
        machine == null || endpoint == null
            ? directory.machine(order.instance())
            : noteLogin(order, machine, endpoint);
    Installed found =
        hosts
            .find(known)
            .orElseThrow(
                () ->
                    new DstackException(
                        ErrorKind.AGENT_UNREACHABLE,
                        "The host agent of " + known.providerId() + " does not run."));
    if (!found.address().uri().equals(known.agentUri())
        || !found.token().equals(known.agentToken())) {
      directory.saveAgent(tag(order), found.address(), offer(order, known, found));
    }
  }

  /** A server of another version brings its own agent along; tasks go on meanwhile. */
  void upgrade(MachineOrder order) {
    try {
      InstanceMachine machine = directory.machine(order.instance());
      if (machine.agentToken() != null) {
        installed(order, machine);
      }
    } catch (DstackException e) {
      if (e.kind() == ErrorKind.DATABASE_DOWN) {
        throw e;
      }
      LOG.info("{}: its host agent was not looked at: {}", order.instanceName(), e.getMessage());
    }
  }

  /** Removes what is ours from a host of a fleet. */
  void leaveHost(MachineOrder order) {
    directory.find(tag(order)).ifPresent(hosts::remove);
  }

  /** The machine is gone. */
  void disconnect(MachineOrder order) {
    hosts.disconnect(order.instance());
  }

  private InstanceTag tag(MachineOrder order) {
    return directory.tag(order.instance(), order.attempt());
  }

  private static FleetId fleet(MachineOrder order) {
    FleetId fleet = order.fleet();
    if (fleet == null) {
      throw new DstackException(
          ErrorKind.BUG, "Host " + order.instanceName() + " is ordered for no fleet.");
    }
    return fleet;
  }

  private static int number(MachineOrder order) {
    return Integer.parseInt(order.offer().backendData().getOrDefault(HOST, "0"));
  }
}
