package dev.dstack.cli.term;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Names and values under each other, the values wrapped. */
public final class Properties {
  private Properties() {}

  public static List<String> lines(Map<String, String> properties, int width, boolean colours) {
    int label = properties.keySet().stream().mapToInt(Widths::of).max().orElse(0);
    List<String> lines = new ArrayList<>();
    for (Map.Entry<String, String> property : properties.entrySet()) {
      String heading = Widths.pad(property.getKey(), label);
      for (String piece : Widths.wrap(property.getValue(), Math.max(10, width - label - 4))) {
        lines.add(" " + (colours ? Style.BOLD.wrap(heading) : heading) + "  " + piece);
        heading = " ".repeat(label);
      }
    }
    return lines;
  }
}
