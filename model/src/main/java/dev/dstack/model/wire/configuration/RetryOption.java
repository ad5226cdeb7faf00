package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Shorthand;
import dev.dstack.model.json.Trees;
import java.util.Locale;
import tools.jackson.databind.JsonNode;

/** Either {@code true} and {@code false}, or what to retry and for how long. */
public sealed interface RetryOption permits RetrySwitch, ProfileRetry {
  @Shorthand
  static JsonNode expand(JsonNode node) {
    String text = Trees.scalarText(node);
    return switch (text == null ? "" : text.toLowerCase(Locale.ROOT)) {
      case "true", "t", "yes", "y", "on", "1" -> Trees.bool(true);
      case "false", "f", "no", "n", "off", "0" -> Trees.bool(false);
      default -> node;
    };
  }
}
