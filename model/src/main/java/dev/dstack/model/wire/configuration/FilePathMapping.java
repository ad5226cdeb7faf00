package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.InvalidFieldException;
import dev.dstack.model.json.Shorthand;
import dev.dstack.model.json.Trees;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;

/**
 * A local file or directory and where it goes, also written {@code local} or {@code local:path}.
 */
public record FilePathMapping(String localPath, String path) {
  private static final Pattern DRIVE = Pattern.compile("[a-zA-Z]:[\\\\/].*", Pattern.DOTALL);

  public FilePathMapping {
    if (DRIVE.matcher(path).matches()) {
      throw new InvalidFieldException(
          "path", "it is a path inside of the container, not on Windows: " + path);
    }
  }

  @Shorthand
  static JsonNode expand(JsonNode node) {
    if (!node.isString()) {
      return node;
    }
    String text = node.stringValue();
    int from = DRIVE.matcher(text).matches() ? 2 : 0;
    int colon = text.indexOf(':', from);
    String local = colon < 0 ? text : text.substring(0, colon);
    String path = colon < 0 ? text : text.substring(colon + 1);
    if (path.indexOf(':', colon < 0 ? from : 0) >= 0 && !DRIVE.matcher(path).matches()) {
      throw new IllegalArgumentException(
          "not a file mapping: '" + text + "'; write it as local:path");
    }
    return Trees.with(Trees.object("local_path", Trees.text(local)), "path", Trees.text(path));
  }
}
