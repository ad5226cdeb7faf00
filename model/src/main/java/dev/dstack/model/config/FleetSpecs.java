package dev.dstack.model.config;

import dev.dstack.model.json.Json;
import dev.dstack.model.wire.configuration.FleetConfiguration;
import dev.dstack.model.wire.configuration.IdleDuration;
import dev.dstack.model.wire.configuration.InstanceGroupPlacement;
import dev.dstack.model.wire.configuration.ProfileParams;
import dev.dstack.model.wire.configuration.RetrySwitch;
import dev.dstack.model.wire.configuration.SpotPolicy;
import dev.dstack.model.wire.configuration.SshHost;
import dev.dstack.model.wire.configuration.SshHostName;
import dev.dstack.model.wire.configuration.SshHostParams;
import dev.dstack.model.wire.configuration.SshParams;
import dev.dstack.model.wire.configuration.SshProxyParams;
import dev.dstack.model.wire.fleet.FleetSpec;
import dev.dstack.model.wire.instance.SshKey;
import dev.dstack.model.wire.resources.CpuSpec;
import dev.dstack.model.wire.resources.Memory;
import dev.dstack.model.wire.resources.Range;
import dev.dstack.model.wire.resources.ResourcesSpec;
import dev.dstack.model.wire.run.Requirements;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Rules and defaults of fleets. */
public final class FleetSpecs {
  /** What an idle instance of a fleet waits for when nothing is said: three days. */
  public static final IdleDuration IDLE_DURATION = new IdleDuration(72 * 3600);

  /** The same for an instance that a run brought about: five minutes. */
  public static final IdleDuration RUN_IDLE_DURATION = new IdleDuration(5 * 60);

  private static final Set<String> OF_BACKEND_FLEETS =
      Set.of(
          "nodes",
          "reservation",
          "resources",
          "backends",
          "regions",
          "availability_zones",
          "instance_types",
          "spot_policy",
          "retry",
          "max_price",
          "idle_duration",
          "tags",
          "backend_options");

  private static final Set<String> UPDATABLE =
      Set.of(
          "nodes",
          "reservation",
          "tags",
          "resources",
          "backends",
          "regions",
          "availability_zones",
          "instance_types",
          "spot_policy",
          "max_price");

  private FleetSpecs() {}

  /** The file over the profile, with the defaults of a fleet. */
  public static ProfileParams profile(FleetSpec spec) {
    FleetConfiguration fleet = spec.configuration();
    ProfileParams own =
        new ProfileParams(
            fleet.backends(),
            fleet.regions(),
            fleet.availabilityZones(),
            fleet.instanceTypes(),
            fleet.reservation(),
            fleet.spotPolicy(),
            fleet.retry(),
            null,
            null,
            fleet.maxPrice(),
            null,
            fleet.idleDuration(),
            null,
            null,
            null,
            null,
            null,
            null,
            fleet.tags(),
            fleet.backendOptions());
    ProfileParams merged = own.over(spec.profile().params());
    if (merged.spotPolicy() == null) {
      merged = merged.withSpotPolicy(SpotPolicy.ON_DEMAND);
    }
    return merged.retry() == null ? merged.withRetry(new RetrySwitch(false)) : merged;
  }

  /** What the instances of a fleet must have; without `resources` any machine will do. */
  public static Requirements requirements(FleetSpec spec) {
    ProfileParams profile = profile(spec);
    ResourcesSpec resources = spec.configuration().resources();
    SpotPolicy spot = profile.spotPolicy() == null ? SpotPolicy.ON_DEMAND : profile.spotPolicy();
    return new Requirements(
        resources == null ? anyMachine() : resources,
        profile.maxPrice(),
        JobSpecs.spot(spot),
        spec.configuration().reservation(),
        spec.configuration().placement() == InstanceGroupPlacement.CLUSTER,
        profile.backendOptions());
  }

  private static ResourcesSpec anyMachine() {
    return new ResourcesSpec(
        new CpuSpec(null, Range.atLeast(1)),
        Range.atLeast(Memory.ofGigabytes(0)),
        null,
        ResourcesSpec.anyGpu(),
        null);
  }

  public static FleetSpec effective(FleetSpec spec) {
    ResourcesSpec resources = spec.configuration().resources();
    if (resources == null || resources.gpu() != null) {
      return spec;
    }
    return spec.withConfiguration(
        spec.configuration().withResources(resources.withGpu(ResourcesSpec.anyGpu())));
  }

  /** Whether it says more than others may see: keys, values of variables. */
  public static boolean hasSecrets(FleetSpec spec) {
    return !redacted(spec).equals(spec);
  }

  /** The spec without private keys and values of variables. */
  public static FleetSpec redacted(FleetSpec spec) {
    FleetConfiguration fleet = spec.configuration();
    FleetConfiguration safe = fleet.withEnv(fleet.env().namesOnly());
    SshParams ssh = fleet.sshConfig();
    if (ssh != null) {
      safe =
          safe.withSshConfig(
              new SshParams(
                  ssh.user(),
                  ssh.port(),
                  ssh.identityFile(),
                  publicOnly(ssh.sshKey()),
                  publicOnly(ssh.proxyJump()),
                  ssh.hosts().stream().map(FleetSpecs::redacted).toList(),
                  ssh.network()));
    }
    return spec.withConfiguration(safe);
  }

  private static SshHost redacted(SshHost host) {
    return switch (host) {
      case SshHostName name -> name;
      case SshHostParams own ->
          new SshHostParams(
              own.hostname(),
              own.port(),
              own.user(),
              own.identityFile(),
              publicOnly(own.proxyJump()),
              own.internalIp(),
              publicOnly(own.sshKey()),
              own.blocks());
    };
  }

  private static @Nullable SshProxyParams publicOnly(@Nullable SshProxyParams proxy) {
    return proxy == null
        ? null
        : new SshProxyParams(
            proxy.hostname(),
            proxy.port(),
            proxy.user(),
            proxy.identityFile(),
            publicOnly(proxy.sshKey()));
  }

  private static @Nullable SshKey publicOnly(@Nullable SshKey key) {
    return key == null ? null : new SshKey(key.publicKey(), null);
  }

  /** Everything that is wrong with a spec; empty when it can be accepted. */
  public static List<SpecProblem> problems(FleetSpec spec) {
    FleetConfiguration fleet = spec.configuration();
    List<SpecProblem> problems = new ArrayList<>();
    if (fleet.name() != null) {
      Names.problem("name", fleet.name()).ifPresent(problems::add);
    }
    if (fleet.sshConfig() == null && fleet.nodes() == null) {
      problems.add(new SpecProblem("nodes", "must be set, or `ssh_config` for hosts you have"));
    } else if (fleet.sshConfig() == null && !fleet.env().isEmpty()) {
      problems.add(new SpecProblem("env", "is only possible with `ssh_config`"));
    } else if (fleet.sshConfig() != null) {
      addForeign(problems, fleet);
      addSsh(problems, fleet.sshConfig());
    }
    return List.copyOf(problems);
  }

  private static void addForeign(List<SpecProblem> problems, FleetConfiguration fleet) {
    var tree = Json.tree(fleet);
    for (String field : new TreeSet<>(OF_BACKEND_FLEETS)) {
      if (tree.hasNonNull(field)) {
        problems.add(new SpecProblem(field, "is not possible together with `ssh_config`"));
      }
    }
  }

  private static void addSsh(List<SpecProblem> problems, SshParams ssh) {
    int internal = 0;
    Set<String> names = new HashSet<>();
    for (SshHost host : ssh.hosts()) {
      if (!names.add(host.hostname())) {
        problems.add(
            new SpecProblem("ssh_config.hosts", "names " + host.hostname() + " more than once"));
      }
    }
    for (SshHost host : ssh.hosts()) {
      boolean hasUser = ssh.user() != null;
      boolean hasKey = ssh.sshKey() != null;
      if (host instanceof SshHostParams own) {
        hasUser |= own.user() != null;
        hasKey |= own.sshKey() != null;
        internal += own.internalIp() == null ? 0 : 1;
      }
      if (!hasUser) {
        problems.add(new SpecProblem("ssh_config.user", "must be set for host " + host.hostname()));
      }
      if (!hasKey) {
        problems.add(
            new SpecProblem("ssh_config.identity_file", "must be set for host " + host.hostname()));
      }
    }
    addKey(problems, "ssh_config", ssh.sshKey());
    addJump(problems, "ssh_config", ssh.proxyJump());
    for (SshHost host : ssh.hosts()) {
      if (host instanceof SshHostParams own) {
        addKey(problems, "ssh_config.hosts of " + own.hostname(), own.sshKey());
        addJump(problems, "ssh_config.hosts of " + own.hostname(), own.proxyJump());
      }
    }
    if (internal != 0 && internal != ssh.hosts().size()) {
      problems.add(
          new SpecProblem("ssh_config.hosts", "must have `internal_ip` for all or for none"));
    }
    if (internal > 0 && ssh.network() != null) {
      problems.add(
          new SpecProblem("ssh_config.network", "is not possible together with `internal_ip`"));
    }
  }

  private static void addJump(
      List<SpecProblem> problems, String where, @Nullable SshProxyParams jump) {
    if (jump != null) {
      addKey(problems, where + ".proxy_jump", jump.sshKey());
    }
  }

  /** The server has to log in with it, when nobody is there to type a passphrase. */
  private static void addKey(List<SpecProblem> problems, String where, @Nullable SshKey key) {
    if (key == null) {
      return;
    }
    String text = key.privateKey();
    if (text == null || text.isBlank()) {
      problems.add(new SpecProblem(where + ".identity_file", "must be a private key"));
    } else if (PrivateKeys.isProtected(text)) {
      problems.add(
          new SpecProblem(
              where + ".identity_file",
              "is protected by a passphrase, which the server can't type: give the key without"
                  + " one"));
    }
  }

  /**
   * Whether a fleet takes over the changes while it exists; otherwise it has to be deleted and made
   * again.
   */
  public static RunUpdate diff(FleetSpec current, FleetSpec next) {
    List<String> changed = new ArrayList<>();
    List<String> blocking = new ArrayList<>();
    for (String field :
        RunUpdates.changedFields(Json.tree(effective(current)), Json.tree(effective(next)))) {
      if (!field.equals("configuration")) {
        changed.add(field);
        if (!field.equals("configuration_path")) {
          blocking.add(field);
        }
      }
    }
    FleetConfiguration before = effective(current).configuration();
    FleetConfiguration after = effective(next).configuration();
    for (String field : RunUpdates.changedFields(Json.tree(before), Json.tree(after))) {
      changed.add(field);
      boolean takenOver =
          before.sshConfig() == null
              ? UPDATABLE.contains(field)
              : field.equals("ssh_config") && onlyHostsCameOrWent(before, after);
      if (!takenOver) {
        blocking.add(field);
      }
    }
    return blocking.isEmpty()
        ? new RunUpdate.InPlace(changed)
        : new RunUpdate.NeedsRestart(changed, blocking);
  }

  private static boolean onlyHostsCameOrWent(FleetConfiguration before, FleetConfiguration after) {
    SshParams was = before.sshConfig();
    SshParams is = after.sshConfig();
    if (was == null || is == null) {
      return false;
    }
    if (RunUpdates.changedFields(Json.tree(was), Json.tree(is)).stream()
        .anyMatch(field -> !field.equals("hosts"))) {
      return false;
    }
    Map<String, SshHost> old = byName(was);
    return byName(is).values().stream()
        .allMatch(
            host -> !old.containsKey(host.hostname()) || host.equals(old.get(host.hostname())));
  }

  private static Map<String, SshHost> byName(SshParams ssh) {
    Map<String, SshHost> hosts = new LinkedHashMap<>();
    for (SshHost host : ssh.hosts()) {
      switch (host) {
        case SshHostName name -> hosts.put(name.hostname(), name);
        case SshHostParams params -> hosts.put(params.hostname(), params);
      }
    }
    return hosts;
  }
}
