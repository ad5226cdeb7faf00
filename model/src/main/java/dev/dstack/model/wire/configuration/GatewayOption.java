package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Shorthand;
import dev.dstack.model.json.Trees;
import java.util.Locale;
import tools.jackson.databind.JsonNode;

/** Whether a service has a gateway, or which one. */
public sealed interface GatewayOption permits GatewaySwitch, GatewayReference {
  /** A text is a name unless it is one of the words for yes and no. */
  @Shorthand
  static JsonNode expand(JsonNode node) {
    String text = Trees.scalarText(node);
    if (text == null) {
      return node;
    }
    return switch (text.toLowerCase(Locale.ROOT)) {
      case "true", "t", "yes", "y", "on", "1" -> Trees.bool(true);
      case "false", "f", "no", "n", "off", "0" -> Trees.bool(false);
      default -> EntityReference.expand(node);
    };
  }
}
