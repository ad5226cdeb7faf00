package dev.dstack.api.metrics;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What hosts' exporters say, with the labels of the jobs: the lines of all jobs sorted by family,
 * names and types as they came.
 */
final class DcgmText {
  private final Map<String, List<String>> comments = new LinkedHashMap<>();
  private final Map<String, List<String>> samples = new LinkedHashMap<>();

  void add(String text, Map<String, String> labels) {
    String more = rendered(labels);
    text.lines()
        .forEach(
            line -> {
              if (line.startsWith("# HELP ") || line.startsWith("# TYPE ")) {
                comment(line);
              } else if (!line.isBlank() && !line.startsWith("#")) {
                sample(line, more);
              }
            });
  }

  private void comment(String line) {
    String[] words = line.split(" ", 4);
    List<String> known = comments.computeIfAbsent(words[2], _ -> new ArrayList<>());
    if (known.stream().noneMatch(one -> one.startsWith(words[0] + " " + words[1] + " "))) {
      known.add(line);
    }
  }

  private void sample(String line, String more) {
    int brace = line.indexOf('{');
    int space = line.indexOf(' ');
    if (brace < 0 && space < 0) {
      return;
    }
    boolean labelled = brace >= 0 && (space < 0 || brace < space);
    String name = line.substring(0, labelled ? brace : space);
    String rest = labelled ? line.substring(brace + 1) : "}" + line.substring(space);
    String comma = rest.startsWith("}") ? "" : ",";
    samples.computeIfAbsent(name, _ -> new ArrayList<>()).add(name + "{" + more + comma + rest);
  }

  private static String rendered(Map<String, String> labels) {
    StringBuilder text = new StringBuilder();
    labels.forEach(
        (name, value) -> {
          text.append(text.isEmpty() ? "" : ",").append(name).append("=\"");
          text.append(value.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n"));
          text.append('"');
        });
    return text.toString();
  }

  void writeTo(StringBuilder page) {
    samples.forEach(
        (name, lines) -> {
          comments.getOrDefault(name, List.of()).forEach(line -> page.append(line).append('\n'));
          lines.forEach(line -> page.append(line).append('\n'));
        });
  }
}
