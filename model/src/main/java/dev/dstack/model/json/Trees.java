package dev.dstack.model.json;

import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Small trees for shorthands. */
public final class Trees {
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  private Trees() {}

  public static JsonNode text(String value) {
    return NODES.stringNode(value);
  }

  public static JsonNode bool(boolean value) {
    return NODES.booleanNode(value);
  }

  public static ObjectNode object() {
    return NODES.objectNode();
  }

  public static ObjectNode object(String name, @Nullable JsonNode value) {
    return with(object(), name, value);
  }

  public static ObjectNode with(ObjectNode object, String name, @Nullable JsonNode value) {
    object.set(name, value == null ? NODES.nullNode() : value);
    return object;
  }

  public static JsonNode list(JsonNode... items) {
    return NODES.arrayNode().addAll(java.util.List.of(items));
  }

  /** A copy of an object that may be changed. */
  public static ObjectNode copy(JsonNode object) {
    return (ObjectNode) object.deepCopy();
  }

  /** Whether a number was written as text or as a number; null for everything else. */
  public static @Nullable String scalarText(JsonNode node) {
    try {
      return node.isString() || node.isNumber() ? Scalars.string(node) : null;
    } catch (Scalars.Refusal e) {
      return null;
    }
  }
}
