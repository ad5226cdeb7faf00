package dev.dstack.model.json;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.exc.StreamReadException;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DatabindException;
import tools.jackson.databind.DeserializationContext;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.MapperFeature;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.SerializationContext;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.ValueDeserializer;
import tools.jackson.databind.ValueSerializer;
import tools.jackson.databind.exc.UnrecognizedPropertyException;
import tools.jackson.databind.exc.ValueInstantiationException;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.module.SimpleModule;

/**
 * The mapper of every module. Names are snake_case in the order of declaration, null is written,
 * enums and ids go by their wire value, instants are UTC with microseconds, maps outside of shapes
 * are ordered by key.
 */
public final class Json {
  private static final String WHOLE_SECONDS = "2026-11-20T23:41:20Z";

  /**
   * Zeros to six digits, by how much longer than whole seconds a text is: the point and 3 or 6
   * digits.
   */
  private static final String[] PADDING = {"", "", "", "", "000", "", "", ""};

  private static final JsonMapper STRICT = mapper(true);
  private static final JsonMapper LENIENT = mapper(false);

  private Json() {}

  /** For what people and clients send: an unknown field is an error. */
  public static JsonMapper strict() {
    return STRICT;
  }

  /**
   * For what we stored and what peers answer: an unknown field is from a newer version and is
   * ignored.
   */
  public static JsonMapper lenient() {
    return LENIENT;
  }

  /** The tree of a value, exactly as it would be written. */
  public static JsonNode tree(Object value) {
    return LENIENT.valueToTree(value);
  }

  /** As in {@code 2026-11-20T23:41:20.123456Z}; whole seconds have no fraction. */
  public static String text(Instant instant) {
    // Instant's own text is the same but for the number of digits after the point.
    Instant micros = instant.truncatedTo(ChronoUnit.MICROS);
    String text = micros.toString();
    int point = text.length() - WHOLE_SECONDS.length();
    return point == 0 ? text : text.substring(0, text.length() - 1) + PADDING[point] + "Z";
  }

  /** What is wrong with a document, as seen from its root. */
  public static List<FieldError> errors(Exception e) {
    return switch (e) {
      case ShapeException shape -> underPath(shape, shape.errors());
      case StreamReadException stream -> List.of(notJson(stream));
      case UnrecognizedPropertyException unknown ->
          List.of(
              FieldError.of("extra_forbidden", path(unknown), "Extra inputs are not permitted"));
      case DatabindException bind -> List.of(mismatch(bind));
      case JacksonException other ->
          List.of(
              FieldError.of("value_error", List.of(), String.valueOf(other.getOriginalMessage())));
      default -> List.of(FieldError.of("value_error", List.of(), String.valueOf(e.getMessage())));
    };
  }

  private static FieldError mismatch(DatabindException e) {
    List<Object> path = path(e);
    if (e.getCause() instanceof InvalidFieldException invalid) {
      path.add(invalid.field());
    }
    if (e instanceof ValueInstantiationException && e.getCause() != null) {
      return FieldError.of("value_error", path, String.valueOf(e.getCause().getMessage()));
    }
    String message = String.valueOf(e.getOriginalMessage());
    boolean missing = message.startsWith("Missing required creator property");
    return missing
        ? FieldError.of("missing", path, "Field required")
        : FieldError.of("value_error", path, message);
  }

  private static FieldError notJson(StreamReadException e) {
    long offset = e.getLocation() == null ? 0 : Math.max(0, e.getLocation().getCharOffset());
    return new FieldError(
        "json_invalid", List.of(offset), "JSON decode error", Map.of("error", reason(e)));
  }

  /**
   * Without the hint at the beginning of an unfinished part, which repeats a configuration of the
   * parser.
   */
  private static String reason(StreamReadException e) {
    String message = String.valueOf(e.getOriginalMessage());
    int hint = message.indexOf(" (start marker at");
    return hint < 0 ? message : message.substring(0, hint);
  }

  /** A shape inside something that is none: the outer reader noted the way to it. */
  private static List<FieldError> underPath(ShapeException e, List<FieldError> errors) {
    Object[] outer = path(e).toArray();
    return errors.stream().map(error -> error.under(outer)).toList();
  }

  private static List<Object> path(DatabindException e) {
    List<Object> path = new ArrayList<>();
    for (JacksonException.Reference step : e.getPath()) {
      path.add(step.getPropertyName() == null ? step.getIndex() : step.getPropertyName());
    }
    return path;
  }

  private static JsonMapper mapper(boolean strict) {
    SimpleModule instants = new SimpleModule("dstack-instants");
    instants.addSerializer(Instant.class, new InstantWriter());
    instants.addDeserializer(Instant.class, new InstantReader());
    return JsonMapper.builder(
            JsonFactory.builder()
                // A spec of megabytes is refused before it is parsed; nesting this deep is an
                // attack.
                .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(100).build())
                .build())
        .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
        .disable(MapperFeature.SORT_PROPERTIES_ALPHABETICALLY)
        .disable(MapperFeature.SORT_CREATOR_PROPERTIES_FIRST)
        .enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS)
        .disable(SerializationFeature.FAIL_ON_ORDER_MAP_BY_INCOMPARABLE_KEY)
        .disable(SerializationFeature.FAIL_ON_EMPTY_BEANS)
        .configure(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES, strict)
        .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
        .addModule(instants)
        .addModule(new ShapeModule())
        .build();
  }

  private static final class InstantWriter extends ValueSerializer<Instant> {
    @Override
    public void serialize(Instant value, JsonGenerator generator, SerializationContext context) {
      generator.writeString(text(value));
    }
  }

  private static final class InstantReader extends ValueDeserializer<Instant> {
    @Override
    public @Nullable Instant deserialize(JsonParser parser, DeserializationContext context) {
      try {
        return Scalars.instant(context.readTree(parser));
      } catch (Scalars.Refusal refusal) {
        return context.reportInputMismatch(Instant.class, "%s", refusal.text());
      }
    }
  }
}
