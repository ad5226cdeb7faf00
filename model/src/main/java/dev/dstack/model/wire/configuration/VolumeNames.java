package dev.dstack.model.wire.configuration;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import dev.dstack.model.json.Frozen;
import dev.dstack.model.json.Trees;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/**
 * The network volume of a mount point, or several of which one is chosen.
 *
 * @param alone written without a list
 */
public record VolumeNames(List<String> names, boolean alone) {
  public VolumeNames {
    names = Frozen.list(names);
  }

  public static VolumeNames of(String name) {
    return new VolumeNames(List.of(name), true);
  }

  public static VolumeNames anyOf(List<String> names) {
    return new VolumeNames(names, false);
  }

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  static VolumeNames parse(JsonNode node) {
    String text = Trees.scalarText(node);
    if (text != null) {
      return of(text);
    }
    if (!node.isArray()) {
      throw new IllegalArgumentException("the name of a volume, or a list of names");
    }
    List<String> names = new ArrayList<>();
    for (JsonNode item : node) {
      String name = Trees.scalarText(item);
      if (name == null) {
        throw new IllegalArgumentException("the name of a volume is a text");
      }
      names.add(name);
    }
    return anyOf(names);
  }

  @JsonValue
  Object wire() {
    return alone ? names.getFirst() : names;
  }
}
