package dev.dstack.api.fleet;

import dev.dstack.model.config.EngineRequirements;
import dev.dstack.model.config.FleetSpecs;
import dev.dstack.model.fleet.Sharing;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Requirements;
import dev.dstack.model.wire.common.BackendName;
import dev.dstack.model.wire.configuration.Blocks;
import dev.dstack.model.wire.configuration.FleetConfiguration;
import dev.dstack.model.wire.configuration.FleetNodesSpec;
import dev.dstack.model.wire.configuration.IdleDuration;
import dev.dstack.model.wire.configuration.InstanceGroupPlacement;
import dev.dstack.model.wire.configuration.ProfileParams;
import dev.dstack.model.wire.configuration.SshHost;
import dev.dstack.model.wire.configuration.SshHostParams;
import dev.dstack.model.wire.configuration.SshParams;
import dev.dstack.model.wire.fleet.FleetSpec;
import dev.dstack.workflows.fleet.FleetPlan;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What a fleet's specification means to its workflow. Nothing secret. */
final class FleetPlans {
  private static final int SSH_PORT = 22;

  private FleetPlans() {}

  /**
   * @param available the backends of its project
   * @param before the plan that this one replaces: hosts keep their numbers
   * @return empty: the project has no backend that the fleet could use
   */
  static Optional<FleetPlan> of(
      FleetSpec spec, List<BackendType> available, @Nullable FleetPlan before) {
    return spec.configuration().sshConfig() == null
        ? ofBackends(spec, available)
        : Optional.of(ofHosts(spec.configuration(), spec.configuration().sshConfig(), before));
  }

  static Requirements requirements(FleetSpec spec) {
    return EngineRequirements.of(FleetSpecs.requirements(spec), FleetSpecs.profile(spec));
  }

  private static Optional<FleetPlan> ofBackends(FleetSpec spec, List<BackendType> available) {
    List<BackendType> backends = backends(FleetSpecs.profile(spec), available);
    if (backends.isEmpty()) {
      return Optional.empty();
    }
    FleetConfiguration fleet = spec.configuration();
    FleetNodesSpec nodes = Objects.requireNonNull(fleet.nodes());
    return Optional.of(
        new FleetPlan(
            backends.getFirst(),
            nodes.min(),
            nodes.target(),
            nodes.max(),
            requirements(spec),
            sharing(fleet.blocks()),
            idle(FleetSpecs.profile(spec).idleDuration()),
            fleet.placement() == InstanceGroupPlacement.CLUSTER,
            backends.subList(1, backends.size()),
            List.of()));
  }

  /**
   * The server's own machine is left out where there is a choice and nobody asks for it: it is in a
   * fleet of its own already.
   */
  private static List<BackendType> backends(ProfileParams profile, List<BackendType> available) {
    List<BackendName> named = profile.backends();
    if (named != null) {
      Set<String> names = new HashSet<>();
      named.forEach(name -> names.add(name.wire()));
      return available.stream().filter(one -> names.contains(one.wire())).toList();
    }
    List<BackendType> others =
        available.stream().filter(one -> !one.equals(BackendType.LOCAL)).toList();
    return others.isEmpty() ? available : others;
  }

  static Sharing sharing(Blocks blocks) {
    Integer count = blocks.count();
    if (count == null) {
      return new Sharing.AutoBlocks();
    }
    return count == 1 ? new Sharing.Whole() : new Sharing.Blocks(count);
  }

  private static @Nullable Duration idle(@Nullable IdleDuration asked) {
    IdleDuration idle = asked == null ? FleetSpecs.IDLE_DURATION : asked;
    return idle.isNever() ? null : Duration.ofSeconds(idle.seconds());
  }

  private static FleetPlan ofHosts(
      FleetConfiguration fleet, SshParams ssh, @Nullable FleetPlan before) {
    Map<String, Integer> numbers = new HashMap<>();
    Set<Integer> taken = new HashSet<>();
    if (before != null) {
      // Also the numbers of hosts that go: their instances may still be there.
      before
          .hosts()
          .forEach(
              host -> {
                numbers.put(host.hostname(), host.number());
                taken.add(host.number());
              });
    }
    List<FleetPlan.Host> hosts = new ArrayList<>();
    for (SshHost host : ssh.hosts()) {
      Integer number = numbers.get(host.hostname());
      if (number == null) {
        number = 0;
        while (taken.contains(number)) {
          number++;
        }
        taken.add(number);
      }
      hosts.add(host(host, ssh, number));
    }
    return new FleetPlan(
        BackendType.SSH,
        hosts.size(),
        hosts.size(),
        hosts.size(),
        Requirements.ANY,
        sharing(fleet.blocks()),
        null,
        fleet.placement() == InstanceGroupPlacement.CLUSTER,
        List.of(),
        hosts);
  }

  private static FleetPlan.Host host(SshHost host, SshParams ssh, int number) {
    Integer port = ssh.port();
    String user = ssh.user();
    String internalIp = null;
    Integer blocks = null;
    if (host instanceof SshHostParams own) {
      port = own.port() == null ? port : own.port();
      user = own.user() == null ? user : own.user();
      internalIp = own.internalIp();
      if (own.blocks() != null) {
        Integer count = own.blocks().count();
        blocks = count == null ? Integer.valueOf(0) : count;
      }
    }
    return new FleetPlan.Host(
        number,
        host.hostname(),
        port == null ? SSH_PORT : port,
        Objects.requireNonNullElse(user, "root"),
        internalIp,
        blocks);
  }
}
