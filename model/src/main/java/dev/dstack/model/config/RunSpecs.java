package dev.dstack.model.config;

import dev.dstack.model.resources.CpuArch;
import dev.dstack.model.resources.GpuModels;
import dev.dstack.model.resources.GpuVendor;
import dev.dstack.model.wire.configuration.CreationPolicy;
import dev.dstack.model.wire.configuration.EnvValue;
import dev.dstack.model.wire.configuration.MountPoint;
import dev.dstack.model.wire.configuration.NodeGroup;
import dev.dstack.model.wire.configuration.ProbeConfig;
import dev.dstack.model.wire.configuration.ProfileParams;
import dev.dstack.model.wire.configuration.ProfileRetry;
import dev.dstack.model.wire.configuration.RegistryAuth;
import dev.dstack.model.wire.configuration.RunBase;
import dev.dstack.model.wire.configuration.RunConfiguration;
import dev.dstack.model.wire.configuration.ServiceConfiguration;
import dev.dstack.model.wire.configuration.TaskConfiguration;
import dev.dstack.model.wire.repo.VirtualRunRepoData;
import dev.dstack.model.wire.resources.GpuSpec;
import dev.dstack.model.wire.resources.ResourcesSpec;
import dev.dstack.model.wire.run.RunSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Rules and defaults of a submitted run. Rules of single fields are kept by the wire types
 * themselves.
 */
public final class RunSpecs {
  /** Samples of running jobs are kept this long, so a policy cannot look further back. */
  static final Duration METRICS_KEPT = Duration.ofHours(1);

  private static final String NO_REPO = "none";
  private static final int PROBES_MAX = 10;

  /** They start together or not at all, and their places are told in one message. */
  static final int NODES_MAX = 500;

  private static final long PROBE_TIMEOUT_MAX_SECONDS = 300;
  private static final Pattern GROUPS_REFERENCE = Pattern.compile("\\$\\{\\{\\s*groups\\b");
  private static final Pattern MOUNT_TARGET = Pattern.compile("/|(/[^:/\\x00]+)+");

  private RunSpecs() {}

  /** What the run is executed with: the file over the profile, field by field. */
  public static ProfileParams profile(RunSpec spec) {
    ProfileParams base = spec.profile() == null ? ProfileParams.empty() : spec.profile().params();
    ProfileParams merged = spec.configuration().profile().over(base);
    return merged.creationPolicy() == null
        ? merged.withCreationPolicy(CreationPolicy.REUSE_OR_CREATE)
        : merged;
  }

  /** Everything that is wrong with a spec; empty when it can be accepted. */
  public static List<SpecProblem> problems(RunSpec spec) {
    List<SpecProblem> problems = new ArrayList<>();
    RunConfiguration run = spec.configuration();
    ProfileParams profile = profile(spec);
    if (spec.runName() != null) {
      Names.problem("run_name", spec.runName()).ifPresent(problems::add);
    } else if (run.name() != null) {
      Names.problem("name", run.name()).ifPresent(problems::add);
    }
    if ((spec.repoId() == null) != (spec.repoData() == null)) {
      String missing = spec.repoId() == null ? "repo_id" : "repo_data";
      problems.add(new SpecProblem(missing, "must be set: `repo_id` and `repo_data` go together"));
    }
    addProfileProblems(problems, profile);
    addEnvProblems(problems, run);
    addCommandProblems(problems, run);
    if (run instanceof TaskConfiguration task) {
      addNodesProblems(problems, task);
    }
    String workingDir = run.base().workingDir();
    if (workingDir != null && !workingDir.startsWith("/")) {
      problems.add(new SpecProblem("working_dir", "must be an absolute path, not " + workingDir));
    }
    for (MountPoint mount : run.base().volumes()) {
      if (!MOUNT_TARGET.matcher(mount.path()).matches()) {
        problems.add(new SpecProblem("volumes", "cannot mount at " + mount.path()));
      }
    }
    if (run instanceof ServiceConfiguration service) {
      addServiceProblems(problems, service, profile);
    }
    addHardwareProblems(problems, run);
    return List.copyOf(problems);
  }

  /**
   * The spec with everything filled in that has a default which must be stored: other defaults are
   * resolved when the job specs are made, so that what people left out stays visible as such.
   *
   * @param userPublicKey the key of the user, for a run that brings none
   */
  public static RunSpec effective(RunSpec spec, @Nullable String userPublicKey) {
    RunConfiguration run = spec.configuration();
    RunBase base = run.base();
    if (base.priority() == null) {
      base = base.withPriority(0);
    }
    base = base.withResources(withGpuDefaults(base.resources(), base.image(), base.docker()));
    RunConfiguration filled = withNodes(run.withBase(base));
    if (filled instanceof TaskConfiguration task && task.groups() != null) {
      filled = task.withGroups(withGpuDefaults(task.groups(), base.image(), base.docker()));
    }
    RunSpec effective =
        spec.withConfiguration(filled)
            .withRepo(
                spec.repoId() == null ? NO_REPO : spec.repoId(),
                spec.repoData() == null ? new VirtualRunRepoData() : spec.repoData());
    return effective.sshKeyPub() == null ? effective.withSshKeyPub(userPublicKey) : effective;
  }

  /**
   * The spec as it came, the way every client can read it: a task always says how many nodes it
   * has.
   */
  public static RunSpec shown(RunSpec spec) {
    return spec.withConfiguration(withNodes(spec.configuration()));
  }

  /** The spec without any value that may be a secret, for inputs and histories of workflows. */
  public static RunSpec redacted(RunSpec spec) {
    RunBase base = spec.configuration().base();
    RunBase safe = base.withEnv(base.env().namesOnly());
    if (base.registryAuth() != null) {
      safe = safe.withRegistryAuth(new RegistryAuth("", ""));
    }
    return spec.withConfiguration(spec.configuration().withBase(safe));
  }

  /** When a scheduled run starts next, after this instant; empty without a schedule. */
  public static Optional<Instant> nextTrigger(RunSpec spec, Instant after) {
    ProfileParams profile = profile(spec);
    return profile.schedule() == null
        ? Optional.empty()
        : Cron.nextAfter(profile.schedule().cron(), after);
  }

  private static RunConfiguration withNodes(RunConfiguration run) {
    return run instanceof TaskConfiguration task && task.groups() == null && task.nodes() == null
        ? task.withNodes(1)
        : run;
  }

  private static List<NodeGroup> withGpuDefaults(
      List<NodeGroup> groups, @Nullable String image, @Nullable Boolean docker) {
    return groups.stream()
        .map(group -> group.withResources(withGpuDefaults(group.resources(), image, docker)))
        .toList();
  }

  /**
   * The vendor follows from the names of the models when they are known, and is NVIDIA when there
   * are no names and no image is chosen.
   */
  static ResourcesSpec withGpuDefaults(
      ResourcesSpec resources, @Nullable String image, @Nullable Boolean docker) {
    GpuSpec gpu = resources.gpu() == null ? ResourcesSpec.anyGpu() : resources.gpu();
    boolean none = Integer.valueOf(0).equals(gpu.count().max());
    if (gpu.vendor() == null && !none) {
      List<String> names = gpu.name();
      if (names == null || names.isEmpty()) {
        boolean ownImage = image != null || (docker != null && docker);
        gpu = ownImage ? gpu : gpu.withVendor(GpuVendor.NVIDIA);
      } else {
        Set<GpuVendor> vendors = GpuVendors.ofAll(names);
        gpu = vendors.isEmpty() ? gpu : gpu.withVendor(vendors.iterator().next());
      }
    }
    return resources.withGpu(gpu);
  }

  private static void addProfileProblems(List<SpecProblem> problems, ProfileParams profile) {
    if (profile.retry() instanceof ProfileRetry retry
        && retry.duration() != null
        && retry.duration().value() < 0) {
      problems.add(new SpecProblem("retry.duration", "must not be negative"));
    }
    if (profile.utilizationPolicy() != null
        && profile.utilizationPolicy().timeWindow().duration().compareTo(METRICS_KEPT) > 0) {
      problems.add(
          new SpecProblem(
              "utilization_policy.time_window",
              "must not be longer than "
                  + METRICS_KEPT.toSeconds()
                  + "s, so long samples are kept"));
    }
    if (profile.schedule() != null) {
      for (String line : profile.schedule().cron()) {
        try {
          Cron.parse(line);
        } catch (IllegalArgumentException e) {
          problems.add(new SpecProblem("schedule.cron", "is not valid: " + e.getMessage()));
        }
      }
    }
  }

  private static void addEnvProblems(List<SpecProblem> problems, RunConfiguration run) {
    for (Map.Entry<String, EnvValue> variable : run.env().entries().entrySet()) {
      String name = variable.getKey();
      if (name.isEmpty() || name.contains("=") || name.indexOf('\0') >= 0) {
        problems.add(new SpecProblem("env", "has a name that no process can take: '" + name + "'"));
      }
      switch (variable.getValue()) {
        case EnvValue.FromCaller missing ->
            problems.add(
                new SpecProblem(
                    "env", "has no value for " + missing.key() + "; set it and apply again"));
        case EnvValue.Text(String text) -> {
          if (GROUPS_REFERENCE.matcher(text).find()) {
            problems.add(
                new SpecProblem("env", name + " refers to groups, which only commands can do"));
          }
          if (text.indexOf('\0') >= 0) {
            problems.add(new SpecProblem("env", name + " contains a zero byte"));
          }
        }
      }
    }
  }

  private static void addNodesProblems(List<SpecProblem> problems, TaskConfiguration task) {
    long nodes =
        task.groups() == null
            ? task.nodes() == null ? 1 : task.nodes()
            : task.groups().stream().mapToLong(NodeGroup::nodes).sum();
    if (nodes > NODES_MAX) {
      problems.add(
          new SpecProblem(
              task.groups() == null ? "nodes" : "groups",
              "are " + nodes + " nodes, and a task may have " + NODES_MAX));
    }
  }

  private static void addCommandProblems(List<SpecProblem> problems, RunConfiguration run) {
    List<String> commands = new ArrayList<>(run.commands());
    if (run instanceof TaskConfiguration task && task.groups() != null) {
      task.groups().forEach(group -> commands.addAll(group.commands()));
    }
    for (String command : commands) {
      Optional<String> reference = GroupReferences.problem(command, run);
      if (reference.isPresent()) {
        problems.add(new SpecProblem("commands", reference.get()));
        return;
      }
      if (command.isBlank()) {
        problems.add(new SpecProblem("commands", "has an empty command; take it out"));
        return;
      }
    }
  }

  private static void addServiceProblems(
      List<SpecProblem> problems, ServiceConfiguration service, ProfileParams profile) {
    if (profile.schedule() != null && scalesToZero(service)) {
      problems.add(
          new SpecProblem("schedule", "is not possible for a service that may have no replica"));
    }
    List<ProbeConfig> probes = service.probes() == null ? List.of() : service.probes();
    if (probes.size() > PROBES_MAX) {
      problems.add(new SpecProblem("probes", "has more than " + PROBES_MAX + " items"));
    }
    for (ProbeConfig probe : probes) {
      if (probe.timeout() != null && probe.timeout().value() > PROBE_TIMEOUT_MAX_SECONDS) {
        problems.add(
            new SpecProblem("probes", "has a timeout above " + PROBE_TIMEOUT_MAX_SECONDS + "s"));
      }
    }
  }

  private static boolean scalesToZero(ServiceConfiguration service) {
    if (service.groups() != null) {
      return service.groups().stream()
          .allMatch(group -> Integer.valueOf(0).equals(group.replicas().min()));
    }
    return service.replicas() != null && Integer.valueOf(0).equals(service.replicas().min());
  }

  private static void addHardwareProblems(List<SpecProblem> problems, RunConfiguration run) {
    RunBase base = run.base();
    boolean docker = base.docker() != null && base.docker();
    List<ResourcesSpec> wanted = List.of(base.resources());
    if (run instanceof TaskConfiguration task && task.groups() != null) {
      wanted = task.groups().stream().map(NodeGroup::resources).toList();
    }
    for (ResourcesSpec resources : wanted) {
      if (base.image() == null && !docker) {
        Set<GpuVendor> foreign = foreignVendors(resources.gpu());
        if (!foreign.isEmpty()) {
          problems.add(
              new SpecProblem(
                  "image",
                  "must be set for accelerators of "
                      + words(foreign)
                      + "; only NVIDIA works without"));
        }
      }
      if (resources.cpu().arch() == CpuArch.ARM && docker) {
        problems.add(new SpecProblem("docker", "is not possible on ARM"));
      } else if (resources.cpu().arch() == CpuArch.ARM && base.image() == null) {
        problems.add(new SpecProblem("image", "must be set for an ARM cpu"));
      }
    }
  }

  private static Set<GpuVendor> foreignVendors(@Nullable GpuSpec gpu) {
    Set<GpuVendor> vendors = EnumSet.noneOf(GpuVendor.class);
    if (gpu == null || Integer.valueOf(0).equals(gpu.count().max())) {
      return vendors;
    }
    if (gpu.vendor() != null) {
      vendors.add(gpu.vendor());
    } else if (gpu.name() != null) {
      gpu.name().forEach(name -> vendors.addAll(GpuModels.vendors(name)));
    }
    vendors.removeAll(EnumSet.of(GpuVendor.NVIDIA, GpuVendor.GOOGLE));
    return vendors;
  }

  private static String words(Set<GpuVendor> vendors) {
    return String.join(", ", vendors.stream().map(GpuVendor::wire).toList());
  }
}
