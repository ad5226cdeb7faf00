package dev.dstack.cli.data;

import java.io.StringWriter;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/**
 * Reads and writes trees with the streaming half of Jackson, which starts in a tenth of the time of
 * its mapper.
 */
public final class JsonText {
  private static final JsonFactory FACTORY = new JsonFactory();

  private JsonText() {}

  /**
   * @throws JacksonException when it is no JSON
   */
  public static Doc read(byte[] json) {
    try (JsonParser parser = FACTORY.createParser(ObjectReadContext.empty(), json)) {
      return parser.nextToken() == null ? Doc.NULL : Doc.of(value(parser));
    }
  }

  public static String write(@Nullable Object tree) {
    StringWriter text = new StringWriter();
    try (JsonGenerator generator = FACTORY.createGenerator(ObjectWriteContext.empty(), text)) {
      value(generator, tree);
    }
    return text.toString();
  }

  /** Two spaces deep, for people. */
  public static String pretty(@Nullable Object tree) {
    StringBuilder text = new StringBuilder();
    indented(text, tree, "\n");
    return text.toString();
  }

  private static @Nullable Object value(JsonParser parser) {
    JsonToken token = parser.currentToken();
    return switch (token) {
      case START_OBJECT -> {
        Map<String, @Nullable Object> object = new LinkedHashMap<>();
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
          String name = parser.currentName();
          parser.nextToken();
          object.put(name, value(parser));
        }
        yield object;
      }
      case START_ARRAY -> {
        List<@Nullable Object> list = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
          list.add(value(parser));
        }
        yield list;
      }
      case VALUE_STRING -> parser.getString();
      case VALUE_NUMBER_INT -> parser.getNumberValue();
      case VALUE_NUMBER_FLOAT -> parser.getDecimalValue();
      case VALUE_TRUE -> true;
      case VALUE_FALSE -> false;
      case VALUE_NULL, VALUE_EMBEDDED_OBJECT, END_OBJECT, END_ARRAY, PROPERTY_NAME, NOT_AVAILABLE ->
          null;
    };
  }

  private static void value(JsonGenerator generator, @Nullable Object tree) {
    switch (tree) {
      case null -> generator.writeNull();
      case Doc doc -> value(generator, doc.value());
      case String text -> generator.writeString(text);
      case Boolean flag -> generator.writeBoolean(flag);
      case Integer number -> generator.writeNumber(number);
      case Long number -> generator.writeNumber(number);
      case Double number -> generator.writeNumber(number);
      case BigDecimal number -> generator.writeNumber(number);
      case BigInteger number -> generator.writeNumber(number);
      case Map<?, ?> map -> {
        generator.writeStartObject();
        map.forEach(
            (name, field) -> {
              generator.writeName(String.valueOf(name));
              value(generator, field);
            });
        generator.writeEndObject();
      }
      case List<?> list -> {
        generator.writeStartArray();
        list.forEach(item -> value(generator, item));
        generator.writeEndArray();
      }
      default -> throw new IllegalArgumentException("No JSON for " + tree.getClass());
    }
  }

  private static void indented(StringBuilder text, @Nullable Object tree, String line) {
    String deeper = line + "  ";
    switch (tree) {
      case Doc doc -> indented(text, doc.value(), line);
      case Map<?, ?> map when !map.isEmpty() -> {
        String separator = "{";
        for (Map.Entry<?, ?> field : map.entrySet()) {
          text.append(separator).append(deeper);
          text.append(write(String.valueOf(field.getKey()))).append(": ");
          indented(text, field.getValue(), deeper);
          separator = ",";
        }
        text.append(line).append('}');
      }
      case List<?> list when !list.isEmpty() -> {
        String separator = "[";
        for (Object item : list) {
          text.append(separator).append(deeper);
          indented(text, item, deeper);
          separator = ",";
        }
        text.append(line).append(']');
      }
      case null, default -> text.append(write(tree));
    }
  }
}
