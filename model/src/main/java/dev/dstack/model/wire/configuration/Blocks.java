package dev.dstack.model.wire.configuration;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import dev.dstack.model.json.Trees;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Into how many equal parts an instance is split.
 *
 * @param count absent: as many as possible, written {@code auto}
 */
public record Blocks(@Nullable Integer count) {
  public static final Blocks AUTO = new Blocks((Integer) null);
  public static final Blocks ONE = new Blocks(1);

  public Blocks {
    if (count != null && count < 1) {
      throw new IllegalArgumentException("blocks is a number from 1, or auto");
    }
  }

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  static Blocks parse(JsonNode node) {
    String text = Trees.scalarText(node);
    if ("auto".equals(text)) {
      return AUTO;
    }
    try {
      return new Blocks(Integer.valueOf(String.valueOf(text)));
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("blocks is a number from 1, or auto", e);
    }
  }

  @JsonValue
  Object wire() {
    return count == null ? "auto" : count;
  }
}
