package dev.dstack.model.config;

import dev.dstack.model.job.RetryEvent;
import dev.dstack.model.resources.CpuArch;
import dev.dstack.model.wire.configuration.DevEnvironmentConfiguration;
import dev.dstack.model.wire.configuration.Env;
import dev.dstack.model.wire.configuration.InstanceMountPoint;
import dev.dstack.model.wire.configuration.MountPoint;
import dev.dstack.model.wire.configuration.NodeGroup;
import dev.dstack.model.wire.configuration.OffableDuration;
import dev.dstack.model.wire.configuration.PortMapping;
import dev.dstack.model.wire.configuration.ProfileParams;
import dev.dstack.model.wire.configuration.ProfileRetry;
import dev.dstack.model.wire.configuration.RetryOption;
import dev.dstack.model.wire.configuration.RetrySwitch;
import dev.dstack.model.wire.configuration.RunBase;
import dev.dstack.model.wire.configuration.ServiceConfiguration;
import dev.dstack.model.wire.configuration.SpotPolicy;
import dev.dstack.model.wire.configuration.TaskConfiguration;
import dev.dstack.model.wire.configuration.VolumeMountPoint;
import dev.dstack.model.wire.configuration.VolumeNames;
import dev.dstack.model.wire.resources.ResourcesSpec;
import dev.dstack.model.wire.run.AppSpec;
import dev.dstack.model.wire.run.JobSpec;
import dev.dstack.model.wire.run.Requirements;
import dev.dstack.model.wire.run.Retry;
import dev.dstack.model.wire.run.RunSpec;
import dev.dstack.model.wire.run.UnixUser;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The jobs of a run, made from its effective spec. */
public final class JobSpecs {
  /** Stands for "no container" in a field that clients need to be a text. */
  public static final String NO_IMAGE = "";

  private static final int STOP_DURATION_SECONDS = 300;
  private static final long RETRY_DURATION_SECONDS = 3600;
  private static final String FIRST_GROUP = "0";
  private static final String OLDER_REPO_DIR = "/workflow";

  /** Ports of the containers' own daemons; they are never forwarded as ports of an application. */
  private static final int RESERVED_FROM = 10_000;

  private static final int RESERVED_TO = 10_999;

  private static final Pattern JOB_NUMBER =
      Pattern.compile("\\$\\{\\{\\s*dstack\\.(job_num|node_rank)\\s*}}");

  private JobSpecs() {}

  /** The jobs of the first replica. */
  public static List<JobSpec> of(RunSpec effective, ContainerDefaults defaults) {
    return of(effective, 0, defaults);
  }

  public static List<JobSpec> of(RunSpec effective, int replica, ContainerDefaults defaults) {
    return switch (effective.configuration()) {
      case TaskConfiguration task -> ofTask(effective, task, replica, defaults);
      case DevEnvironmentConfiguration dev -> List.of(ofDev(effective, dev, replica, defaults));
      case ServiceConfiguration service -> throw noJobs(service.type());
    };
  }

  /** Whether the run is to be a container; the others are processes of their host. */
  public static boolean inContainer(RunSpec spec) {
    return DefaultImage.inContainer(spec.configuration().base());
  }

  private static JobSpec ofDev(
      RunSpec spec, DevEnvironmentConfiguration dev, int replica, ContainerDefaults defaults) {
    List<String> commands =
        DevEnvironments.commands(dev, name(spec), DefaultImage.hasPython(dev.base()));
    NodeGroup alone = new NodeGroup(FIRST_GROUP, 1, dev.resources(), commands, dev.ports());
    return job(spec, dev.base(), alone, new Place(replica, 0, 1, 0, 0), defaults);
  }

  private static IllegalArgumentException noJobs(String type) {
    return new IllegalArgumentException(
        "no jobs can be made of a " + type + "; check UnsupportedYet first");
  }

  private static List<JobSpec> ofTask(
      RunSpec spec, TaskConfiguration task, int replica, ContainerDefaults defaults) {
    List<NodeGroup> groups =
        task.groups() != null
            ? task.groups()
            : List.of(
                new NodeGroup(
                    FIRST_GROUP,
                    task.nodes() == null ? 1 : task.nodes(),
                    task.resources(),
                    task.commands(),
                    task.ports()));
    List<JobSpec> jobs = new ArrayList<>();
    int total = task.nodesTotal();
    for (int group = 0; group < groups.size(); group++) {
      for (int index = 0; index < groups.get(group).nodes(); index++) {
        Place place = new Place(replica, jobs.size(), total, group, index);
        jobs.add(job(spec, task.base(), groups.get(group), place, defaults));
      }
    }
    return List.copyOf(jobs);
  }

  /** Where a job stands in its run. */
  private record Place(int replica, int job, int jobs, int group, int indexInGroup) {}

  private static JobSpec job(
      RunSpec spec, RunBase base, NodeGroup group, Place place, ContainerDefaults defaults) {
    boolean dev = spec.configuration() instanceof DevEnvironmentConfiguration;
    ProfileParams profile = RunSpecs.profile(spec);
    return new JobSpec(
        place.replica(),
        place.job(),
        name(spec) + "-" + place.job() + "-" + place.replica(),
        place.jobs(),
        FIRST_GROUP,
        appSpecs(group.ports()),
        base.user() == null ? null : UnixUser.parse(base.user()),
        commands(base, group.commands()),
        Env.of(base.env().asMap()),
        base.homeDir(),
        DefaultImage.name(base, defaults),
        base.privileged() || (base.docker() != null && base.docker()),
        base.singleBranch() == null ? !dev : base.singleBranch(),
        seconds(profile.maxDuration(), null),
        seconds(profile.stopDuration(), STOP_DURATION_SECONDS),
        profile.utilizationPolicy(),
        base.registryAuth(),
        requirements(resources(base, group.resources()), profile, place.jobs() > 1),
        retry(profile.retry()),
        volumes(base.volumes(), place.job()),
        null,
        workingDir(base.workingDir()),
        spec.repoData(),
        spec.repoCodeHash(),
        repoDir(spec, base),
        base.repos().isEmpty() ? null : base.repos().getFirst().ifExists(),
        spec.fileArchives(),
        null,
        List.of(),
        place.group(),
        group.name() == null ? FIRST_GROUP : group.name(),
        place.indexInGroup());
  }

  /** A plan may be asked for before the run has a name. */
  private static String name(RunSpec spec) {
    return spec.runName() == null ? "run" : spec.runName();
  }

  private static List<AppSpec> appSpecs(List<PortMapping> ports) {
    List<AppSpec> specs = new ArrayList<>();
    for (PortMapping port : ports) {
      int container = port.containerPort();
      if (container < RESERVED_FROM || container > RESERVED_TO) {
        specs.add(new AppSpec(container, port.localPort(), "app_" + specs.size(), null, null));
      }
    }
    return specs;
  }

  /** Empty: what the image says. */
  private static List<String> commands(RunBase base, List<String> commands) {
    if (base.entrypoint() != null) {
      List<String> words = new ArrayList<>(ShellWords.split(base.entrypoint()));
      words.addAll(commands);
      if (words.isEmpty()) {
        throw new IllegalArgumentException("`entrypoint` is empty, and there are no `commands`");
      }
      return words;
    }
    if (commands.isEmpty()) {
      if (!DefaultImage.inContainer(base) || DefaultImage.chosenByServer(base)) {
        throw new IllegalArgumentException("there is nothing to run: write `commands`");
      }
      return List.of();
    }
    List<String> all = new ArrayList<>(DefaultImage.commands(base));
    all.addAll(commands);
    return List.of(shell(base), "-i", "-c", joined(all));
  }

  /** dstack's images are for x86 only. */
  private static ResourcesSpec resources(RunBase base, ResourcesSpec resources) {
    return DefaultImage.chosenByServer(base) && resources.cpu().arch() == null
        ? resources.withCpu(resources.cpu().withArch(CpuArch.X86))
        : resources;
  }

  /** Each node may have a volume of its own, named after its number. */
  private static List<MountPoint> volumes(List<MountPoint> volumes, int job) {
    List<MountPoint> mounts = new ArrayList<>();
    for (MountPoint mount : volumes) {
      mounts.add(
          switch (mount) {
            case InstanceMountPoint host -> host;
            case VolumeMountPoint(VolumeNames names, String path) ->
                new VolumeMountPoint(
                    VolumeNames.anyOf(
                        names.names().stream()
                            .map(name -> JOB_NUMBER.matcher(name).replaceAll(Integer.toString(job)))
                            .toList()),
                    path);
          });
    }
    return mounts;
  }

  private static String shell(RunBase base) {
    if (base.shell() != null) {
      return base.shell().startsWith("/") ? base.shell() : "/bin/" + base.shell();
    }
    return base.image() == null ? "/bin/bash" : "/bin/sh";
  }

  /**
   * One line for the shell that stops at the first failure; a command in the background does not
   * end the line.
   */
  static String joined(List<String> commands) {
    List<String> parts = new ArrayList<>();
    for (String command : commands) {
      String stripped = command.strip();
      parts.add(stripped.endsWith("&") ? "{ " + stripped + " }" : stripped);
    }
    return String.join(" && ", parts);
  }

  private static @Nullable Integer seconds(
      @Nullable OffableDuration duration, @Nullable Integer otherwise) {
    if (duration == null) {
      return otherwise;
    }
    return duration.limit() == null ? null : Math.toIntExact(duration.limit().toSeconds());
  }

  /** What one job of this run asks for, as clients see it. */
  static Requirements requirements(
      ResourcesSpec resources, ProfileParams profile, boolean multinode) {
    SpotPolicy spot = profile.spotPolicy() == null ? SpotPolicy.ON_DEMAND : profile.spotPolicy();
    return new Requirements(
        resources,
        profile.maxPrice(),
        spot(spot),
        profile.reservation(),
        multinode,
        profile.backendOptions());
  }

  /** Null is either. */
  static @Nullable Boolean spot(SpotPolicy policy) {
    return switch (policy) {
      case AUTO -> null;
      case SPOT -> true;
      case ON_DEMAND -> false;
    };
  }

  static @Nullable Retry retry(@Nullable RetryOption option) {
    List<RetryEvent> all =
        List.of(RetryEvent.NO_CAPACITY, RetryEvent.INTERRUPTION, RetryEvent.ERROR);
    return switch (option) {
      case null -> null;
      case RetrySwitch(boolean on) ->
          on ? new Retry(all, Math.toIntExact(RETRY_DURATION_SECONDS)) : null;
      case ProfileRetry retry ->
          new Retry(
              retry.onEvents() == null ? all : retry.onEvents(),
              Math.toIntExact(
                  retry.duration() == null ? RETRY_DURATION_SECONDS : retry.duration().value()));
    };
  }

  private static @Nullable String workingDir(@Nullable String dir) {
    return dir == null || dir.startsWith("/") ? dir : OLDER_REPO_DIR + "/" + dir;
  }

  private static String repoDir(RunSpec spec, RunBase base) {
    if (!base.repos().isEmpty()) {
      return base.repos().getFirst().path();
    }
    return spec.repoDir() == null ? OLDER_REPO_DIR : spec.repoDir();
  }
}
