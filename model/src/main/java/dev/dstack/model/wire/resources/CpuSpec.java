package dev.dstack.model.wire.resources;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Shorthand;
import dev.dstack.model.json.Trees;
import dev.dstack.model.resources.CpuArch;
import java.util.Arrays;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** Processors, also written {@code 4}, {@code 2..8}, {@code arm:4} or {@code 4..:x86}. */
public record CpuSpec(@Nullable CpuArch arch, @Default("'2..'") Range<Integer> count) {
  @Shorthand
  static JsonNode expand(JsonNode node) {
    if (node.isString() || node.isIntegralNumber()) {
      return tokens(String.valueOf(Trees.scalarText(node)));
    }
    boolean isRange =
        node.isObject()
            && !node.isEmpty()
            && node.propertyNames().stream()
                .allMatch(name -> name.equals("min") || name.equals("max"));
    if (isRange) {
      return Trees.object("count", node);
    }
    if (node.isObject() && node.path("arch").isString()) {
      return Trees.with(Trees.copy(node), "arch", arch(node.get("arch").stringValue()));
    }
    return node;
  }

  private static JsonNode tokens(String text) {
    ObjectNode spec = Trees.object();
    for (String token : text.replace(" ", "").split(":", -1)) {
      if (token.isEmpty()) {
        throw new IllegalArgumentException("cpu has an empty part: " + text);
      }
      boolean isCount = token.contains("..") || token.chars().allMatch(Character::isDigit);
      String field = isCount ? "count" : "arch";
      if (spec.has(field)) {
        throw new IllegalArgumentException("cpu says the " + field + " twice: " + text);
      }
      spec.set(field, isCount ? Trees.text(token) : arch(token));
    }
    return spec;
  }

  private static JsonNode arch(String text) {
    String lower = text.toLowerCase(Locale.ROOT);
    if (Arrays.stream(CpuArch.values()).noneMatch(arch -> arch.wire().equals(lower))) {
      throw new IllegalArgumentException(
          "no such cpu architecture: " + text + "; it is x86 or arm");
    }
    return Trees.text(lower);
  }

  public CpuSpec withArch(@Nullable CpuArch newArch) {
    return new CpuSpec(newArch, count);
  }
}
