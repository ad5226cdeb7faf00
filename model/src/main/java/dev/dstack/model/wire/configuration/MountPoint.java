package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Shorthand;
import dev.dstack.model.json.Trees;
import tools.jackson.databind.JsonNode;

/** What is mounted into a run, also written {@code volume:/path} or {@code /host/path:/path}. */
public sealed interface MountPoint permits VolumeMountPoint, InstanceMountPoint {
  String path();

  @Shorthand
  static JsonNode expand(JsonNode node) {
    if (!node.isString()) {
      return node;
    }
    String text = node.stringValue();
    String[] parts = text.split(":", -1);
    if (parts.length != 2) {
      throw new IllegalArgumentException(
          "not a mount point: '" + text + "'; write it as source:/path");
    }
    String source = parts[0].contains("/") ? "instance_path" : "name";
    return Trees.with(Trees.object(source, Trees.text(parts[0])), "path", Trees.text(parts[1]));
  }
}
