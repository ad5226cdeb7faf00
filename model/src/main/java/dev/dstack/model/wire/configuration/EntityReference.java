package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Shorthand;
import dev.dstack.model.json.Trees;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Something of this project or, as {@code project/name}, of another one. */
public record EntityReference(@Nullable String project, String name) {
  @Shorthand
  static JsonNode expand(JsonNode node) {
    String text = Trees.scalarText(node);
    if (text == null) {
      return node;
    }
    EntityReference parsed = parse(text);
    return Trees.with(
        Trees.object("project", parsed.project == null ? null : Trees.text(parsed.project)),
        "name",
        Trees.text(parsed.name));
  }

  public static EntityReference parse(String text) {
    String[] parts = text.split("/", -1);
    boolean empty = false;
    for (String part : parts) {
      empty |= part.isEmpty();
    }
    if (empty || parts.length > 2) {
      throw new IllegalArgumentException(
          "not a reference: '" + text + "'; write <name> or <project>/<name>");
    }
    return parts.length == 1
        ? new EntityReference(null, parts[0])
        : new EntityReference(parts[0], parts[1]);
  }

  @Override
  public String toString() {
    return project == null ? name : project + "/" + name;
  }
}
