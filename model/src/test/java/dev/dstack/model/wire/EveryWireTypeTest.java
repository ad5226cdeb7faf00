package dev.dstack.model.wire;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.dstack.model.json.Default;
import dev.dstack.model.json.Discriminator;
import dev.dstack.model.json.Flat;
import dev.dstack.model.json.Json;
import dev.dstack.model.json.Literal;
import dev.dstack.model.wire.resources.Range;
import java.io.IOException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Each record of the wire is read from the least that it needs and comes back complete. */
class EveryWireTypeTest {
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  /** Fields whose value has to be more than any text or number. */
  private static final Map<String, String> SPECIAL =
      Map.of(
          "commands", "['ls']",
          "cron", "['0 8 * * *']",
          "instance_path", "'/a'",
          "local_path", "'data'",
          "metric", "'rps'",
          "path", "'/a'",
          "prefix", "'/'",
          "replicas", "1",
          "time_window", "'10m'");

  static Stream<Class<?>> records() throws IOException, URISyntaxException, ClassNotFoundException {
    Path classes = Path.of(Json.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    try (Stream<Path> files = Files.walk(classes.resolve("dev/dstack/model/wire"))) {
      return files
          .map(file -> classes.relativize(file).toString())
          .filter(file -> file.endsWith(".class") && !file.contains("package-info"))
          .map(file -> file.substring(0, file.length() - ".class".length()).replace('/', '.'))
          .sorted()
          .<Class<?>>map(EveryWireTypeTest::load)
          .filter(type -> type.isRecord() && !type.isMemberClass() && !isScalar(type))
          // A range needs one of two fields, which nullness cannot say.
          .filter(type -> type != Range.class)
          .toList()
          .stream();
    }
  }

  @ParameterizedTest
  @MethodSource("records")
  void isReadFromTheLeastAndComesBack(Class<?> type) {
    ObjectNode least = least(type);
    Object read = Json.strict().treeToValue(least, type);
    String written = Json.strict().writeValueAsString(read);
    Object again = Json.strict().readValue(written, type);
    assertThat(again).isEqualTo(read);
    // The one field that is left out when it says nothing.
    least.remove("target");
    assertThat(Json.strict().readTree(written).propertyNames()).containsAll(least.propertyNames());
  }

  private static ObjectNode least(Class<?> type) {
    ObjectNode object = NODES.objectNode();
    for (Literal literal : type.getAnnotationsByType(Literal.class)) {
      object.put(literal.property(), literal.value());
    }
    for (RecordComponent component : type.getRecordComponents()) {
      if (component.isAnnotationPresent(Flat.class)) {
        object.setAll(least(component.getType()));
        continue;
      }
      String name = name(component);
      boolean needed =
          !component.isAnnotationPresent(Default.class)
              && !component.getAnnotatedType().isAnnotationPresent(Nullable.class);
      boolean either = type.getSimpleName().equals("RepoSpec") && name.equals("local_path");
      if (needed || either || name.equals("commands")) {
        object.set(
            name,
            SPECIAL.containsKey(name) ? json(SPECIAL.get(name)) : any(component.getGenericType()));
      }
    }
    return object;
  }

  private static JsonNode any(Type type) {
    if (type instanceof ParameterizedType generic) {
      Class<?> raw = (Class<?>) generic.getRawType();
      if (raw == List.class) {
        return NODES.arrayNode().add(any(generic.getActualTypeArguments()[0]));
      }
      return raw == Map.class ? NODES.objectNode() : NODES.numberNode(1);
    }
    Class<?> raw = (Class<?>) type;
    if (raw == String.class) {
      return NODES.stringNode("a");
    } else if (raw == boolean.class) {
      return NODES.booleanNode(true);
    } else if (raw == UUID.class) {
      return NODES.stringNode("00000000-0000-4000-8000-000000000001");
    } else if (raw == Instant.class) {
      return NODES.stringNode("2027-01-02T03:04:05.000006Z");
    } else if (raw.isEnum()) {
      return Json.tree(raw.getEnumConstants()[0]);
    } else if (JsonNode.class.isAssignableFrom(raw) || raw.getSimpleName().equals("Env")) {
      return NODES.objectNode();
    } else if (raw.isInterface()) {
      Class<?> variant = raw.getPermittedSubclasses()[0];
      return raw.isAnnotationPresent(Discriminator.class) || !isScalar(variant)
          ? least(variant)
          : NODES.stringNode("a");
    }
    return raw.isRecord() && !isScalar(raw) ? least(raw) : NODES.numberNode(1);
  }

  private static String name(RecordComponent component) {
    JsonProperty renamed = component.getAccessor().getAnnotation(JsonProperty.class);
    return renamed == null
        ? component.getName().replaceAll("([A-Z])", "_$1").toLowerCase(java.util.Locale.ROOT)
        : renamed.value();
  }

  /** Scalars bring a creator of their own. */
  private static boolean isScalar(Class<?> type) {
    return Stream.concat(
            Stream.of(type.getDeclaredMethods()), Stream.of(type.getDeclaredConstructors()))
        .anyMatch(
            member ->
                member.isAnnotationPresent(com.fasterxml.jackson.annotation.JsonCreator.class));
  }

  private static JsonNode json(String text) {
    return Json.lenient().readTree(text.replace('\'', '"'));
  }

  private static Class<?> load(String name) {
    try {
      return Class.forName(name);
    } catch (ClassNotFoundException e) {
      throw new IllegalStateException(e);
    }
  }
}
