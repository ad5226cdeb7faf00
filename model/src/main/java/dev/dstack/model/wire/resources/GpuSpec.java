package dev.dstack.model.wire.resources;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import dev.dstack.model.json.Shorthand;
import dev.dstack.model.json.Trees;
import dev.dstack.model.resources.ComputeCapability;
import dev.dstack.model.resources.GpuVendor;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Accelerators, also written as a count or as parts in any order: vendor, names, memory with a
 * unit, count, as in {@code nvidia:A100,H100:40GB..:2}.
 */
public record GpuSpec(
    @Nullable GpuVendor vendor,
    @Nullable List<String> name,
    @Default("'1..'") Range<Integer> count,
    @Nullable Range<Memory> memory,
    @Nullable Range<Memory> totalMemory,
    @Nullable ComputeCapability computeCapability) {
  public GpuSpec {
    name = Frozen.listOrNull(name);
  }

  @Shorthand
  static JsonNode expand(JsonNode node) {
    JsonNode spec =
        node.isString() || node.isIntegralNumber()
            ? tokens(String.valueOf(Trees.scalarText(node)))
            : node;
    if (!spec.isObject()) {
      return spec;
    }
    ObjectNode copy = Trees.copy(spec);
    if (copy.path("vendor").isString()) {
      String vendor = copy.get("vendor").stringValue();
      String known = vendor(vendor);
      if (known == null) {
        throw new IllegalArgumentException("no such gpu vendor: " + vendor);
      }
      copy.set("vendor", Trees.text(known));
    }
    JsonNode names = copy.get("name");
    if (names != null && !names.isNull()) {
      copy.set("name", names(names));
    }
    return copy;
  }

  private static JsonNode tokens(String text) {
    ObjectNode spec = Trees.object();
    for (String token : text.replace(" ", "").split(":", -1)) {
      if (token.isEmpty()) {
        throw new IllegalArgumentException("gpu has an empty part: " + text);
      }
      String vendor = vendor(token);
      if (vendor != null) {
        set(spec, "vendor", Trees.text(vendor), text);
      } else if (Character.isLetter(token.charAt(0))) {
        ArrayNode names = spec.arrayNode();
        for (String name : token.split(",", -1)) {
          if (name.isEmpty()) {
            throw new IllegalArgumentException("gpu has an empty name: " + text);
          }
          names.add(name);
        }
        set(spec, "name", names, text);
      } else if (token.chars().anyMatch(Character::isLetter)) {
        set(spec, "memory", Trees.text(token), text);
      } else {
        set(spec, "count", Trees.text(token), text);
      }
    }
    return spec;
  }

  private static void set(ObjectNode spec, String field, JsonNode value, String text) {
    if (spec.has(field)) {
      throw new IllegalArgumentException("gpu says the " + field + " twice: " + text);
    }
    spec.set(field, value);
  }

  private static @Nullable String vendor(String text) {
    String lower = text.toLowerCase(Locale.ROOT);
    return switch (lower) {
      case "tpu" -> GpuVendor.GOOGLE.wire();
      case "tt" -> GpuVendor.TENSTORRENT.wire();
      default ->
          Arrays.stream(GpuVendor.values())
              .map(GpuVendor::wire)
              .filter(lower::equals)
              .findFirst()
              .orElse(null);
    };
  }

  /** One name needs no list; a leading {@code tpu-} is an older spelling. */
  private static JsonNode names(JsonNode written) {
    ArrayNode names = Trees.object().arrayNode();
    for (JsonNode name : written.isArray() ? written : Trees.list(written)) {
      names.add(
          name.isString() && name.stringValue().startsWith("tpu-")
              ? Trees.text(name.stringValue().substring(4))
              : name);
    }
    return names;
  }

  public GpuSpec withVendor(@Nullable GpuVendor newVendor) {
    return new GpuSpec(newVendor, name, count, memory, totalMemory, computeCapability);
  }
}
