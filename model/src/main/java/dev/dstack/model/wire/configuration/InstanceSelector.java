package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Shorthand;
import dev.dstack.model.json.Trees;
import tools.jackson.databind.JsonNode;

/** A certain instance: its name, {@code {hostname}}, or its number in a fleet. */
public sealed interface InstanceSelector
    permits InstanceNameSelector, InstanceHostnameSelector, FleetInstanceSelector {
  @Shorthand
  static JsonNode expand(JsonNode node) {
    return node.isString() ? Trees.object("name", node) : node;
  }
}
