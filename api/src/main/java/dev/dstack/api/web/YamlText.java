package dev.dstack.api.web;

import dev.dstack.api.error.ApiException;
import dev.dstack.model.json.Json;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.Dump;
import org.snakeyaml.engine.v2.api.DumpSettings;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.common.FlowStyle;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.schema.CoreSchema;
import tools.jackson.databind.JsonNode;

/** YAML as JSON trees, with the line on which each value stands. */
public final class YamlText {
  private static final int TEXT_MAX = 1 << 20;

  private YamlText() {}

  /** The text is no YAML; the message says where. */
  public static final class BadYamlException extends Exception {
    private static final long serialVersionUID = 1L;
    private final int line;

    BadYamlException(String message, int line) {
      super(message);
      this.line = line;
    }

    public int line() {
      return line;
    }
  }

  /**
   * @param lines path such as {@code projects[0].name} to its line, counted from 1
   */
  public record Document(JsonNode tree, Map<String, Integer> lines) {
    /** The line of the path, or of the nearest thing around it. */
    public int line(String path) {
      String at = path;
      while (!at.isEmpty()) {
        Integer line = lines.get(at);
        if (line != null) {
          return line;
        }
        int cut = Math.max(at.lastIndexOf('.'), at.lastIndexOf('['));
        at = cut < 0 ? "" : at.substring(0, cut);
      }
      return 1;
    }
  }

  public static Document parse(String text) throws BadYamlException {
    if (text.length() > TEXT_MAX) {
      throw new BadYamlException("it is larger than " + TEXT_MAX / 1024 + " kB", 1);
    }
    LoadSettings settings = settings();
    try {
      Object value = new Load(settings).loadFromString(text);
      Map<String, Integer> lines = new LinkedHashMap<>();
      Optional<Node> root = new Compose(settings).composeString(text);
      root.ifPresent(node -> locate(node, "", lines));
      return new Document(Json.tree(value == null ? Map.of() : plain(value)), lines);
    } catch (MarkedYamlEngineException e) {
      int line = e.getProblemMark().map(mark -> mark.getLine() + 1).orElse(1);
      throw new BadYamlException(String.valueOf(e.getProblem()), line);
    } catch (YamlEngineException e) {
      throw new BadYamlException(firstLine(e.getMessage()), 1);
    }
  }

  /** A mapping that came with a request. */
  public static JsonNode entry(String text) {
    try {
      JsonNode tree = parse(text).tree();
      if (!tree.isObject()) {
        throw ApiException.badRequest("`config_yaml` is not a mapping of fields to values");
      }
      return tree;
    } catch (BadYamlException e) {
      throw ApiException.badRequest(
          "`config_yaml` is not valid YAML in line " + e.line() + ": " + e.getMessage());
    }
  }

  public static String write(JsonNode tree) {
    Object plain = Json.lenient().treeToValue(tree, Object.class);
    return new Dump(DumpSettings.builder().setDefaultFlowStyle(FlowStyle.BLOCK).build())
        .dumpToString(plain);
  }

  private static LoadSettings settings() {
    return LoadSettings.builder()
        .setSchema(new CoreSchema())
        .setAllowDuplicateKeys(false)
        .setMaxAliasesForCollections(20)
        .build();
  }

  /** Keys of YAML need not be texts; those of JSON are. */
  private static Object plain(Object value) {
    return switch (value) {
      case Map<?, ?> map -> {
        Map<String, @Nullable Object> made = new LinkedHashMap<>();
        map.forEach(
            (key, item) -> made.put(String.valueOf(key), item == null ? null : plain(item)));
        yield made;
      }
      case List<?> list -> {
        List<@Nullable Object> made = new ArrayList<>();
        list.forEach(item -> made.add(item == null ? null : plain(item)));
        yield made;
      }
      default -> value;
    };
  }

  private static void locate(Node node, String path, Map<String, Integer> lines) {
    node.getStartMark().ifPresent(mark -> lines.putIfAbsent(path, mark.getLine() + 1));
    if (node instanceof MappingNode mapping) {
      for (NodeTuple tuple : mapping.getValue()) {
        if (tuple.getKeyNode() instanceof ScalarNode key) {
          String at = path.isEmpty() ? key.getValue() : path + "." + key.getValue();
          key.getStartMark().ifPresent(mark -> lines.put(at, mark.getLine() + 1));
          locate(tuple.getValueNode(), at, lines);
        }
      }
    } else if (node instanceof SequenceNode sequence) {
      int index = 0;
      for (Node item : sequence.getValue()) {
        locate(item, path + "[" + index++ + "]", lines);
      }
    }
  }

  private static String firstLine(@Nullable String text) {
    return text == null ? "unreadable" : text.lines().findFirst().orElse("unreadable");
  }
}
