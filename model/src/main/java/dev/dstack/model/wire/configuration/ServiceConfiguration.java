package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Checks;
import dev.dstack.model.json.Default;
import dev.dstack.model.json.Flat;
import dev.dstack.model.json.Frozen;
import dev.dstack.model.json.InvalidFieldException;
import dev.dstack.model.json.Literal;
import dev.dstack.model.json.Shorthand;
import dev.dstack.model.json.Trees;
import dev.dstack.model.wire.resources.Range;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

@Literal(property = "type", value = "service", at = 12)
public record ServiceConfiguration(
    PortMapping port,
    @Nullable GatewayOption gateway,
    @Default("true") boolean stripPrefix,
    @Nullable ServiceModel model,
    @Nullable HttpsMode https,
    @Default("true") boolean auth,
    @Nullable ScalingSpec scaling,
    @Default("[]") List<RateLimit> rateLimits,
    @Nullable List<ProbeConfig> probes,
    @Nullable Range<Integer> replicas,
    @Nullable List<ReplicaGroup> groups,
    @Default("[]") List<String> commands,
    @Flat RunBase base,
    @Flat ProfileParams profile)
    implements RunConfiguration {
  public ServiceConfiguration {
    rateLimits = Frozen.list(rateLimits);
    probes = Frozen.listOrNull(probes);
    groups = Frozen.listOrNull(groups);
    commands = Frozen.list(commands);
    if (replicas != null) {
      replicas = replicas("replicas", replicas);
      boolean fixed = replicas.min() != null && replicas.min().equals(replicas.max());
      Checks.holds(fixed || scaling != null, "scaling", "a range of replicas needs it");
      Checks.holds(
          !fixed || scaling == null, "scaling", "a fixed number of replicas is not scaled");
    }
    Set<String> prefixes = new HashSet<>();
    for (RateLimit limit : rateLimits) {
      Checks.holds(prefixes.add(limit.prefix()), "rate_limits", "two limits of " + limit.prefix());
    }
    boolean unique = probes == null || new HashSet<>(probes).size() == probes.size();
    Checks.holds(unique, "probes", "two probes are the same");
    if (groups == null) {
      boolean hasImage = base.image() != null && !base.image().isEmpty();
      Checks.holds(
          hasImage || !commands.isEmpty(), "commands", "either `commands` or `image` must be set");
    } else {
      groups = ReplicaGroup.named(groups);
      Checks.holds(replicas == null, "replicas", "with `groups` each group has its own");
      Checks.holds(scaling == null, "scaling", "with `groups` each group has its own");
      Checks.holds(commands.isEmpty(), "commands", "with `groups` each group has its own");
      checkGroups(groups, base, profile);
    }
  }

  @Override
  public List<PortMapping> ports() {
    return List.of();
  }

  /**
   * A port alone is the one of the application, which clients reach on 80; a list of replicas is an
   * older `groups`.
   */
  @Shorthand
  static JsonNode expand(JsonNode node) {
    if (!node.isObject()) {
      return node;
    }
    ObjectNode copy = Trees.copy(node);
    JsonNode port = node.get("port");
    String text = port == null ? null : Trees.scalarText(port);
    if (text != null && !text.matches("\\d+(:\\d+)?")) {
      throw new InvalidFieldException("port", "not a port: '" + text + "'; write 8080 or 80:8080");
    }
    if (text != null && !text.contains(":")) {
      copy.set(
          "port", Trees.with(Trees.object("local_port", Trees.text("80")), "container_port", port));
    }
    if (node.path("replicas").isArray() && !node.hasNonNull("groups")) {
      copy.set("groups", copy.remove("replicas"));
    }
    return copy;
  }

  @Override
  public String type() {
    return "service";
  }

  @Override
  public ServiceConfiguration withBase(RunBase newBase) {
    return new ServiceConfiguration(
        port,
        gateway,
        stripPrefix,
        model,
        https,
        auth,
        scaling,
        rateLimits,
        probes,
        replicas,
        groups,
        commands,
        newBase,
        profile);
  }

  @Override
  public ServiceConfiguration withProfile(ProfileParams newProfile) {
    return new ServiceConfiguration(
        port,
        gateway,
        stripPrefix,
        model,
        https,
        auth,
        scaling,
        rateLimits,
        probes,
        replicas,
        groups,
        commands,
        base,
        newProfile);
  }

  /** A maximum is needed; an absent minimum is 0. */
  static Range<Integer> replicas(String field, Range<Integer> replicas) {
    Checks.holds(replicas.max() != null, field, "a maximum is needed");
    int min = replicas.min() == null ? 0 : replicas.min();
    Checks.holds(min >= 0, field, "it is not negative");
    return new Range<>(min, replicas.max());
  }

  /** What is run stands either at the service or at its groups. */
  private static void checkGroups(List<ReplicaGroup> groups, RunBase base, ProfileParams profile) {
    boolean docker = base.docker() != null && base.docker();
    boolean nvcc = base.nvcc() != null && base.nvcc();
    int routers = 0;
    for (ReplicaGroup group : groups) {
      boolean ownImage = group.image() != null;
      boolean ownSource =
          ownImage || group.docker() != null || group.python() != null || group.nvcc() != null;
      once("image", base.image() != null && ownSource, group);
      once("docker", docker && ownSource, group);
      boolean excludesPython = ownImage || group.docker() != null || group.python() != null;
      once("python", base.python() != null && excludesPython, group);
      boolean excludesNvcc = ownImage || group.docker() != null || group.nvcc() != null;
      once("nvcc", nvcc && excludesNvcc, group);
      once("privileged", base.privileged() && group.privileged() != null, group);
      once("spot_policy", profile.spotPolicy() != null && group.spotPolicy() != null, group);
      once("reservation", profile.reservation() != null && group.reservation() != null, group);
      Checks.holds(
          ownImage || base.image() != null || !group.commands().isEmpty(),
          "groups",
          "group " + group.name() + " needs `commands` or an `image`");
      if (group.router() != null) {
        routers++;
        Checks.holds(
            group.replicas().equals(Range.exactly(1)), "groups", "a router has one replica");
      }
    }
    Checks.holds(routers <= 1, "groups", "one group may be the router");
  }

  private static void once(String field, boolean twice, ReplicaGroup group) {
    Checks.holds(
        !twice, field, "it is set for the service, and group " + group.name() + " says otherwise");
  }
}
