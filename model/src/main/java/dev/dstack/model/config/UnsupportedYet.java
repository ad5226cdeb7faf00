package dev.dstack.model.config;

import dev.dstack.model.wire.configuration.DevEnvironmentConfiguration;
import dev.dstack.model.wire.configuration.InstanceMountPoint;
import dev.dstack.model.wire.configuration.ProfileParams;
import dev.dstack.model.wire.configuration.RunBase;
import dev.dstack.model.wire.configuration.RunConfiguration;
import dev.dstack.model.wire.configuration.ServiceConfiguration;
import dev.dstack.model.wire.configuration.TaskConfiguration;
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
    return List.copyOf(found.problems);
  }

  private void checkKind(RunConfiguration run) {
    switch (run) {
      case DevEnvironmentConfiguration _ -> {
        // All of it is there.
      }
      case ServiceConfiguration service -> refuse(true, "type: service", "use `type: task`");
      case TaskConfiguration _ -> {
        // All of it is there.
      }
    }
  }

  private void checkBase(RunBase base) {
    if (!DefaultImage.inContainer(base)) {
      checkProcess(base);
    }
    refuse(base.dstack(), "dstack", "take it out and pass the address of the server in `env`");
  }

  /** A run that names no image is a process of its host. */
  private void checkProcess(RunBase base) {
    container(base.privileged(), "privileged");
    container(base.entrypoint() != null, "entrypoint");
    container(base.registryAuth() != null, "registry_auth");
    container(base.user() != null, "user");
    container(
        base.volumes().stream()
            .anyMatch(one -> one instanceof InstanceMountPoint mount && !mount.optional()),
        "volumes");
    container(base.resources().shmSize() != null, "resources.shm_size");
  }

  private void container(boolean asked, String field) {
    if (asked) {
      problems.add(
          new SpecProblem(
              field,
              "needs a container: set `image`; without one the run is a process of its host"));
    }
  }

  private void checkProfile(ProfileParams profile) {
    refuse(profile.backendOptions() != null, "backend_options", "take it out");
    refuse(profile.reservation() != null, "reservation", "take it out");
  }

  private void refuse(boolean asked, String field, String instead) {
    if (asked) {
      problems.add(
          new SpecProblem(field, "is not supported by this server version yet: " + instead));
    }
  }
}
