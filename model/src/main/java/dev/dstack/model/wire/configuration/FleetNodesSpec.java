package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Shorthand;
import dev.dstack.model.json.Trees;
import dev.dstack.model.json.Written;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * How many instances a fleet has, also written {@code 2}, {@code 1..4} or {@code 0..}.
 *
 * @param target how many are made at once when the fleet is applied
 * @param max absent: unlimited
 */
public record FleetNodesSpec(int min, int target, @Nullable Integer max) {
  public FleetNodesSpec {
    if (min < 0) {
      throw new IllegalArgumentException("nodes.min is negative");
    }
    if (target < min) {
      throw new IllegalArgumentException("nodes.target is below nodes.min");
    }
    if (max != null && (max < min || max < target)) {
      throw new IllegalArgumentException("nodes.max is below nodes.min or nodes.target");
    }
  }

  @Shorthand
  static JsonNode expand(JsonNode node) {
    String text = Trees.scalarText(node);
    ObjectNode spec;
    if (text != null && node.isString() && text.contains("..")) {
      String[] bounds = text.replace(" ", "").split("\\.\\.", -1);
      if (bounds.length != 2) {
        throw new IllegalArgumentException("nodes has two bounds: " + text);
      }
      spec = Trees.object();
      Trees.with(spec, "min", bounds[0].isEmpty() ? null : Trees.text(bounds[0]));
      Trees.with(spec, "max", bounds[1].isEmpty() ? null : Trees.text(bounds[1]));
    } else if (text != null) {
      spec = Trees.with(Trees.object("min", node), "max", node);
    } else if (node.isObject()) {
      spec = Trees.copy(node);
    } else {
      return node;
    }
    if (isAbsent(spec.get("min"))) {
      spec.put("min", 0);
    }
    if (isAbsent(spec.get("target"))) {
      spec.set("target", spec.get("min"));
    }
    return spec;
  }

  private static boolean isAbsent(@Nullable JsonNode node) {
    return node == null || node.isNull();
  }

  /** Older clients do not know a target, so it is written only when it says something. */
  @Written
  public Map<String, @Nullable Object> wire() {
    Map<String, @Nullable Object> wire = new LinkedHashMap<>();
    wire.put("min", min);
    if (target != min) {
      wire.put("target", target);
    }
    wire.put("max", max);
    return wire;
  }
}
