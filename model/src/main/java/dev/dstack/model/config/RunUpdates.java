package dev.dstack.model.config;

import dev.dstack.model.json.Json;
import dev.dstack.model.wire.configuration.HttpsMode;
import dev.dstack.model.wire.configuration.ReplicaGroup;
import dev.dstack.model.wire.configuration.RouterType;
import dev.dstack.model.wire.configuration.RunConfiguration;
import dev.dstack.model.wire.configuration.ServiceConfiguration;
import dev.dstack.model.wire.resources.ResourcesSpec;
import dev.dstack.model.wire.run.RunSpec;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Which changes of a spec an active run takes over. */
public final class RunUpdates {
  private static final Set<String> OF_SPEC = Set.of("configuration_path", "configuration");
  private static final Set<String> OF_SERVICE_SPEC =
      Set.of("repo_data", "repo_code_hash", "file_archives", "working_dir");

  private static final Set<String> OF_SERVICE_ROUTING =
      Set.of("replicas", "groups", "scaling", "gateway");

  /** Each of these replaces the replicas one by one. */
  private static final Set<String> OF_SERVICE_REPLICAS =
      Set.of(
          "port",
          "probes",
          "resources",
          "volumes",
          "docker",
          "files",
          "image",
          "user",
          "privileged",
          "entrypoint",
          "working_dir",
          "python",
          "nvcc",
          "single_branch",
          "env",
          "shell",
          "commands");

  private RunUpdates() {}

  /**
   * @param current the effective spec of the active run of this name; null when there is none
   */
  public static RunUpdate diff(@Nullable RunSpec current, RunSpec next) {
    if (current == null) {
      return new RunUpdate.Create();
    }
    // An older spec may lack what is filled in today; that is not a change.
    RunSpec now = withGpuDefaults(current);
    RunSpec wanted = withGpuDefaults(next);
    List<String> changed = new ArrayList<>();
    List<String> blocking = new ArrayList<>();
    boolean service = wanted.configuration() instanceof ServiceConfiguration;
    for (String field : changedFields(Json.tree(now), Json.tree(wanted))) {
      if (field.equals("configuration")) {
        continue;
      }
      changed.add(field);
      if (!OF_SPEC.contains(field) && !(service && OF_SERVICE_SPEC.contains(field))) {
        blocking.add(field);
      }
    }
    addConfiguration(changed, blocking, now, wanted);
    return blocking.isEmpty()
        ? new RunUpdate.InPlace(changed)
        : new RunUpdate.NeedsRestart(changed, blocking);
  }

  private static RunSpec withGpuDefaults(RunSpec spec) {
    RunConfiguration run = spec.configuration();
    ResourcesSpec resources =
        RunSpecs.withGpuDefaults(run.resources(), run.base().image(), run.base().docker());
    return spec.withConfiguration(run.withResources(resources));
  }

  private static void addConfiguration(
      List<String> changed, List<String> blocking, RunSpec current, RunSpec next) {
    RunConfiguration before = current.configuration();
    RunConfiguration after = next.configuration();
    if (!before.type().equals(after.type())) {
      changed.add("type");
      blocking.add("type");
      return;
    }
    List<String> fields = changedFields(Json.tree(before), Json.tree(after));
    Set<String> updatable = updatable(current, next);
    changed.addAll(fields);
    fields.stream().filter(field -> !updatable.contains(field)).forEach(blocking::add);
    if (before instanceof ServiceConfiguration was && after instanceof ServiceConfiguration is) {
      blocking.addAll(routerProblems(was, is, changed));
    }
  }

  private static Set<String> updatable(RunSpec current, RunSpec next) {
    RunConfiguration before = current.configuration();
    RunConfiguration after = next.configuration();
    Set<String> updatable = new HashSet<>(Set.of("priority"));
    switch (after.type()) {
      case "dev-environment" -> updatable.add("inactivity_duration");
      case "service" -> {
        updatable.addAll(OF_SERVICE_ROUTING);
        updatable.addAll(OF_SERVICE_REPLICAS);
      }
      default -> {
        // A task runs what it was started with.
      }
    }
    if (current.fileArchives().equals(next.fileArchives())) {
      // The same contents at the same places: the files were only moved on the client's machine.
      updatable.add("files");
    }
    if (before instanceof ServiceConfiguration was
        && after instanceof ServiceConfiguration is
        && isDefault(was.https())
        && isDefault(is.https())) {
      updatable.add("https");
    }
    if (stillSatisfied(before.resources(), after.resources())) {
      updatable.add("resources");
    }
    return updatable;
  }

  private static boolean isDefault(@Nullable HttpsMode https) {
    return https == null || https == HttpsMode.ON;
  }

  /** To ask for any architecture instead of a certain one only widens a request. */
  private static boolean stillSatisfied(ResourcesSpec before, ResourcesSpec after) {
    return after.equals(before) || after.equals(before.withCpu(before.cpu().withArch(null)));
  }

  /**
   * A router stays where it is; the workers of one that keeps no list of them know its address by
   * heart.
   */
  private static Set<String> routerProblems(
      ServiceConfiguration before, ServiceConfiguration after, List<String> changed) {
    Set<String> problems = new LinkedHashSet<>();
    ReplicaGroup was = router(before);
    ReplicaGroup is = router(after);
    String oldName = was == null ? null : was.name();
    String newName = is == null ? null : is.name();
    if (oldName == null ? newName != null : !oldName.equals(newName)) {
      problems.add("groups");
    }
    RouterType oldType = was == null || was.router() == null ? null : was.router().type();
    RouterType newType = is == null || is.router() == null ? null : is.router().type();
    if (oldType != null && newType != null && oldType != newType) {
      problems.add("groups");
    }
    if (oldType == RouterType.DYNAMO || newType == RouterType.DYNAMO) {
      if (was == null || !was.equals(is)) {
        problems.add("groups");
      }
      changed.stream()
          .filter(field -> OF_SERVICE_REPLICAS.contains(field) || OF_SERVICE_SPEC.contains(field))
          .forEach(problems::add);
    }
    return problems;
  }

  private static @Nullable ReplicaGroup router(ServiceConfiguration service) {
    if (service.groups() == null) {
      return null;
    }
    return service.groups().stream()
        .filter(group -> group.router() != null)
        .findFirst()
        .orElse(null);
  }

  /** In the order of the wire. */
  static List<String> changedFields(JsonNode before, JsonNode after) {
    Set<String> names = new LinkedHashSet<>(before.propertyNames());
    names.addAll(after.propertyNames());
    List<String> changed = new ArrayList<>();
    for (String name : names) {
      JsonNode old = before.get(name);
      if (old == null || !old.equals(after.get(name))) {
        changed.add(name);
      }
    }
    return changed;
  }
}
