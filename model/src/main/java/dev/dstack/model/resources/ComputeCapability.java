package dev.dstack.model.resources;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import dev.dstack.model.json.Trees;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** CUDA compute capability, written {@code 7.5} or {@code [7, 5]}. */
public record ComputeCapability(int major, int minor) implements Comparable<ComputeCapability> {
  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  static ComputeCapability parse(JsonNode node) {
    String text = Trees.scalarText(node);
    if (text != null) {
      return of(text);
    }
    if (node.isArray() && node.size() == 2) {
      return new ComputeCapability(
          number(node.get(0).asString("")), number(node.get(1).asString("")));
    }
    throw new IllegalArgumentException("a compute capability is written as in 7.5");
  }

  /** As in {@code 7.5}. */
  public static ComputeCapability of(String text) {
    String[] parts = text.strip().split("\\.", -1);
    if (parts.length == 2) {
      return new ComputeCapability(number(parts[0]), number(parts[1]));
    }
    throw new IllegalArgumentException("a compute capability is written as in 7.5");
  }

  private static int number(String text) {
    try {
      return Integer.parseInt(text);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("a compute capability is written as in 7.5", e);
    }
  }

  @JsonValue
  List<Integer> wire() {
    return List.of(major, minor);
  }

  @Override
  public int compareTo(ComputeCapability other) {
    return major == other.major
        ? Integer.compare(minor, other.minor)
        : Integer.compare(major, other.major);
  }

  @Override
  public String toString() {
    return major + "." + minor;
  }
}
