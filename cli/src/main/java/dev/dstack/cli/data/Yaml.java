package dev.dstack.cli.data;

import dev.dstack.cli.CliException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.common.ScalarStyle;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;

/**
 * A YAML document with the lines its values stand in. Plain words follow YAML 1.1 as far as
 * dstack's files rely on it ({@code max_duration: off} is false); a value under {@code env} stays
 * the text that was written.
 */
public final class Yaml {
  private static final int MAX_ALIASES = 50;

  private final String file;
  private final Doc root;
  private final Map<List<Object>, Integer> lines;

  private Yaml(String file, Doc root, Map<List<Object>, Integer> lines) {
    this.file = file;
    this.root = root;
    this.lines = lines;
  }

  public String file() {
    return file;
  }

  public Doc root() {
    return root;
  }

  /**
   * @throws CliException when it is no YAML, a key comes twice, or there is more than one document
   */
  public static Yaml parse(String file, String text) {
    LoadSettings settings =
        LoadSettings.builder()
            .setLabel(file)
            .setMaxAliasesForCollections(MAX_ALIASES)
            .setUseMarks(true)
            .build();
    Map<List<Object>, Integer> lines = new HashMap<>();
    try {
      Optional<Node> node = new Compose(settings).composeString(text);
      Object root = node.isEmpty() ? null : new Reader(file, lines).read(node.get(), List.of());
      return new Yaml(file, Doc.of(root), lines);
    } catch (MarkedYamlEngineException e) {
      String where = e.getProblemMark().map(mark -> ":" + (mark.getLine() + 1)).orElse("");
      throw CliException.failure(file + where + ": this is no YAML: " + e.getProblem());
    } catch (YamlEngineException e) {
      throw CliException.failure(file + ": this is no YAML: " + e.getMessage());
    }
  }

  public boolean has(List<Object> path) {
    return lines.containsKey(path);
  }

  /** The line, from 1, of the value at a path of names and indexes, or of what holds it. */
  public @Nullable Integer line(List<Object> path) {
    for (int length = path.size(); length > 0; length--) {
      Integer line = lines.get(path.subList(0, length));
      if (line != null) {
        return line;
      }
    }
    return lines.get(List.of());
  }

  private static final class Reader {
    private final String file;
    private final Map<List<Object>, Integer> lines;

    Reader(String file, Map<List<Object>, Integer> lines) {
      this.file = file;
      this.lines = lines;
    }

    @Nullable Object read(Node node, List<Object> path) {
      lines.putIfAbsent(path, line(node));
      if (path.size() > 50) {
        throw CliException.failure(
            file + ":" + line(node) + ": this is nested more than 50 levels deep");
      }
      return switch (node) {
        case MappingNode mapping -> mapping(mapping, path);
        case SequenceNode sequence -> {
          List<@Nullable Object> items = new ArrayList<>();
          for (Node item : sequence.getValue()) {
            items.add(read(item, append(path, items.size())));
          }
          yield items;
        }
        case ScalarNode scalar ->
            path.size() == 2 && path.getFirst().equals("env") && path.get(1) instanceof String
                ? envValue(scalar)
                : scalar(scalar);
        default ->
            throw CliException.failure(
                file + ":" + line(node) + ": anchors can't refer to themselves");
      };
    }

    private Object mapping(MappingNode mapping, List<Object> path) {
      Map<String, @Nullable Object> fields = new LinkedHashMap<>();
      for (NodeTuple tuple : mapping.getValue()) {
        if (!(tuple.getKeyNode() instanceof ScalarNode key)) {
          throw CliException.failure(
              file + ":" + line(tuple.getKeyNode()) + ": a key must be a word");
        }
        String name = key.getValue();
        if (fields.containsKey(name)) {
          throw CliException.failure(file + ":" + line(key) + ": `" + name + "` is given twice");
        }
        List<Object> place = append(path, name);
        lines.put(place, line(key));
        fields.put(name, read(tuple.getValueNode(), place));
      }
      return fields;
    }

    private static @Nullable Object envValue(ScalarNode scalar) {
      Object value = scalar(scalar);
      return value == null ? null : scalar.getValue();
    }

    private static @Nullable Object scalar(ScalarNode scalar) {
      String text = scalar.getValue();
      if (scalar.getScalarStyle() != ScalarStyle.PLAIN) {
        return text;
      }
      return switch (text) {
        case "", "~", "null", "Null", "NULL" -> null;
        case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON" -> true;
        case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF" -> false;
        default -> numberOrText(text);
      };
    }

    private static Object numberOrText(String text) {
      int start = text.charAt(0) == '-' || text.charAt(0) == '+' ? 1 : 0;
      boolean digits = text.length() > start;
      int points = 0;
      for (int i = start; i < text.length() && digits; i++) {
        char c = text.charAt(i);
        if (c == '.') {
          points++;
        } else if (c < '0' || c > '9') {
          digits = false;
        }
      }
      if (!digits || points > 1 || text.length() == start + points) {
        return text;
      }
      if (points == 0 && text.length() > start + 1 && text.charAt(start) == '0') {
        return text; // 007 is a name; as a number it would lose its zeros
      }
      String plain = text.charAt(0) == '+' ? text.substring(1) : text;
      if (points == 1) {
        return new BigDecimal(plain.endsWith(".") ? plain + "0" : plain);
      }
      return text.length() < 18 ? (Object) Long.valueOf(plain) : new BigInteger(plain);
    }

    private static int line(Node node) {
      return node.getStartMark().map(Mark::getLine).orElse(0) + 1;
    }

    private static List<Object> append(List<Object> path, Object step) {
      List<Object> longer = new ArrayList<>(path);
      longer.add(step);
      return longer;
    }
  }
}
