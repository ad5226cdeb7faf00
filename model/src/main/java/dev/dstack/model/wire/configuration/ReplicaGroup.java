package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Checks;
import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import dev.dstack.model.json.Shorthand;
import dev.dstack.model.json.Trees;
import dev.dstack.model.wire.resources.Range;
import dev.dstack.model.wire.resources.ResourcesSpec;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

public record ReplicaGroup(
    @Nullable String name,
    Range<Integer> replicas,
    @Nullable ScalingSpec scaling,
    @Default("{}") ResourcesSpec resources,
    @Nullable SpotPolicy spotPolicy,
    @Nullable String reservation,
    @Default("[]") List<String> commands,
    @Nullable String image,
    @Nullable PythonVersion python,
    @Nullable Boolean nvcc,
    @Nullable Boolean docker,
    @Nullable Boolean privileged,
    @Nullable ReplicaGroupRouterConfig router) {
  public ReplicaGroup {
    commands = Frozen.list(commands);
    replicas = ServiceConfiguration.replicas("replicas", replicas);
    boolean fixed = replicas.min() != null && replicas.min().equals(replicas.max());
    Checks.holds(fixed || scaling != null, "scaling", "a range of replicas needs it");
    Checks.holds(!fixed || scaling == null, "scaling", "a fixed number of replicas is not scaled");
    boolean nameFits = name == null || name.matches("[a-z0-9][a-z0-9-]{0,39}");
    Checks.holds(nameFits, "name", "a group's name is [a-z0-9][a-z0-9-]{0,39}");
    boolean hasImage = image != null && !image.isEmpty();
    boolean inDocker = docker != null && docker;
    Checks.holds(
        !(python != null && hasImage), "python", "`image` and `python` exclude each other");
    boolean dockerAlone = !hasImage && python == null && !(nvcc != null && nvcc);
    Checks.holds(!inDocker || dockerAlone, "docker", "it excludes `image`, `python` and `nvcc`");
    Checks.holds(!inDocker || privileged == null || privileged, "privileged", "docker needs it");
  }

  /** An older name of the number is `count`; a YAML number loses the zero of 3.10. */
  @Shorthand
  static JsonNode expand(JsonNode node) {
    if (!node.isObject()) {
      return node;
    }
    ObjectNode copy = Trees.copy(RunBase.expand(node));
    JsonNode count = copy.remove("count");
    if (count != null && !copy.has("replicas")) {
      copy.set("replicas", count);
    }
    return copy;
  }

  /** A group without a name has its index for one; names are unique. */
  static List<ReplicaGroup> named(List<ReplicaGroup> groups) {
    Checks.size("groups", groups, 1, Integer.MAX_VALUE);
    List<ReplicaGroup> named = new ArrayList<>();
    Set<String> names = new HashSet<>();
    for (ReplicaGroup group : groups) {
      String name = group.name == null ? Integer.toString(named.size()) : group.name;
      Checks.holds(names.add(name), "groups", "two groups are called " + name);
      named.add(group.withName(name));
    }
    return List.copyOf(named);
  }

  private ReplicaGroup withName(String newName) {
    return new ReplicaGroup(
        newName,
        replicas,
        scaling,
        resources,
        spotPolicy,
        reservation,
        commands,
        image,
        python,
        nvcc,
        docker,
        privileged,
        router);
  }
}
