package dev.dstack.model.config;

import dev.dstack.model.wire.configuration.DevEnvironmentConfiguration;
import dev.dstack.model.wire.configuration.ProfileParams;
import dev.dstack.model.wire.configuration.RunBase;
import dev.dstack.model.wire.configuration.RunConfiguration;
import dev.dstack.model.wire.configuration.ServiceConfiguration;
import dev.dstack.model.wire.configuration.TaskConfiguration;
import dev.dstack.model.wire.repo.VirtualRunRepoData;
import dev.dstack.model.wire.run.RunSpec;
import java.util.ArrayList;
import java.util.List;

/**
 * What a spec may say but this version of the server does not do. It is refused by name: to ignore
 * it would run something else than was asked for.
 */
public final class UnsupportedYet {
  private final List<SpecProblem> problems = new ArrayList<>();

  private UnsupportedYet() {}

  public static List<SpecProblem> check(RunSpec spec) {
    return check(spec, false);
  }

  /**
   * @param forOffersOnly nothing is going to run; clients that only list offers fill in an image
   *     and a user that do not matter
   */
  public static List<SpecProblem> check(RunSpec spec, boolean forOffersOnly) {
    UnsupportedYet found = new UnsupportedYet();
    RunBase base = spec.configuration().base();
    found.checkKind(spec.configuration());
    found.checkBase(forOffersOnly ? base.withImage(null).withUser(null) : base);
    found.checkProfile(RunSpecs.profile(spec));
    boolean plain = spec.repoData() == null || spec.repoData() instanceof VirtualRunRepoData;
    found.refuse(!plain, "repo_data", "use `files` for what the run needs");
    return List.copyOf(found.problems);
  }

  private void checkKind(RunConfiguration run) {
    switch (run) {
      case DevEnvironmentConfiguration dev ->
          refuse(true, "type: dev-environment", "use `type: task`");
      case ServiceConfiguration service -> refuse(true, "type: service", "use `type: task`");
      case TaskConfiguration task -> {
        refuse(task.groups() != null, "groups", "use a task for each group");
        refuse(task.nodes() != null && task.nodes() > 1, "nodes", "use 1, or a task for each node");
        refuse(
            !task.ports().isEmpty(),
            "ports",
            "take it out; ports of the host are reached directly");
      }
    }
  }

  private void checkBase(RunBase base) {
    String noContainer = "take it out; commands run on the host, without a container";
    refuse(base.image() != null, "image", noContainer);
    refuse(base.docker() != null && base.docker(), "docker", noContainer);
    refuse(base.python() != null, "python", "take it out and use the Python of the host");
    refuse(base.nvcc() != null && base.nvcc(), "nvcc", "take it out and use the tools of the host");
    refuse(base.privileged(), "privileged", noContainer);
    refuse(base.entrypoint() != null, "entrypoint", "use `commands`");
    refuse(base.registryAuth() != null, "registry_auth", noContainer);
    refuse(base.user() != null, "user", "take it out; commands run as the user of the agent");
    refuse(!base.volumes().isEmpty(), "volumes", "use paths of the host directly");
    refuse(!base.repos().isEmpty(), "repos", "use `files`, or clone in `commands`");
    refuse(
        base.resources().shmSize() != null,
        "resources.shm_size",
        "take it out; processes share /dev/shm of the host");
    refuse(base.dstack(), "dstack", "take it out and pass the address of the server in `env`");
  }

  private void checkProfile(ProfileParams profile) {
    refuse(profile.instances() != null, "instances", "use `fleets` to choose where it runs");
    refuse(profile.backendOptions() != null, "backend_options", "take it out");
    refuse(profile.reservation() != null, "reservation", "take it out");
    refuse(profile.utilizationPolicy() != null, "utilization_policy", "use `max_duration`");
  }

  private void refuse(boolean asked, String field, String instead) {
    if (asked) {
      problems.add(
          new SpecProblem(field, "is not supported by this server version yet: " + instead));
    }
  }
}
