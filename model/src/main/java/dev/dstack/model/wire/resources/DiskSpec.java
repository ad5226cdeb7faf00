package dev.dstack.model.wire.resources;

import dev.dstack.model.json.Shorthand;
import dev.dstack.model.json.Trees;
import tools.jackson.databind.JsonNode;

/** A root disk, also written as a bare size or range. */
public record DiskSpec(Range<Memory> size) {
  @Shorthand
  static JsonNode expand(JsonNode node) {
    return Trees.scalarText(node) == null ? node : Trees.object("size", node);
  }
}
