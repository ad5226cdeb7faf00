package dev.dstack.api.openapi;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonValue;
import dev.dstack.model.json.Default;
import dev.dstack.model.json.Discriminator;
import dev.dstack.model.json.Flat;
import dev.dstack.model.json.Literal;
import dev.dstack.model.json.Shorthand;
import dev.dstack.model.json.Written;
import java.lang.annotation.Annotation;
import java.lang.reflect.Method;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** JSON schemas of the wire records, read off the same annotations that the mapper reads. */
final class Schemas {
  private final Map<String, Object> components = new TreeMap<>();

  /** By name, for {@code components/schemas}. */
  Map<String, Object> components() {
    return components;
  }

  Map<String, Object> of(Type type) {
    return of(type, Map.of());
  }

  private Map<String, Object> of(Type type, Map<String, Type> variables) {
    if (type instanceof TypeVariable<?> variable) {
      Type bound = variables.get(variable.getName());
      return bound == null ? new LinkedHashMap<>() : of(bound, variables);
    }
    if (type instanceof ParameterizedType parameterized) {
      Class<?> raw = (Class<?>) parameterized.getRawType();
      Type[] arguments = parameterized.getActualTypeArguments();
      if (List.class.isAssignableFrom(raw)) {
        return map("type", "array", "items", of(arguments[0], variables));
      }
      if (Map.class.isAssignableFrom(raw)) {
        return map("type", "object", "additionalProperties", of(arguments[1], variables));
      }
      return shape(raw, arguments, variables);
    }
    return type instanceof Class<?> raw ? ofClass(raw, variables) : new LinkedHashMap<>();
  }

  private Map<String, Object> ofClass(Class<?> raw, Map<String, Type> variables) {
    if (raw == String.class) {
      return map("type", "string");
    }
    if (raw == boolean.class || raw == Boolean.class) {
      return map("type", "boolean");
    }
    if (raw == int.class || raw == Integer.class) {
      return map("type", "integer", "format", "int32");
    }
    if (raw == long.class || raw == Long.class) {
      return map("type", "integer", "format", "int64");
    }
    if (raw == double.class || raw == Double.class) {
      return map("type", "number");
    }
    if (raw == UUID.class) {
      return map("type", "string", "format", "uuid");
    }
    if (raw == Instant.class) {
      return map("type", "string", "format", "date-time");
    }
    if (raw == void.class || raw == Void.class) {
      return map("type", "null");
    }
    if (raw.isArray()) {
      return map("type", "array", "items", of(raw.getComponentType(), variables));
    }
    if (raw.isEnum()) {
      return map("type", "string", "enum", words(raw));
    }
    if (raw == Object.class || JsonNode.class.isAssignableFrom(raw) || isScalar(raw)) {
      return new LinkedHashMap<>();
    }
    return shape(raw, new Type[0], variables);
  }

  /** A record that is written in a form of its own, such as a duration; it also reads several. */
  private static boolean isScalar(Class<?> raw) {
    boolean byMethod =
        Arrays.stream(raw.getDeclaredMethods())
            .anyMatch(method -> method.isAnnotationPresent(JsonValue.class));
    return byMethod
        || (raw.isRecord()
            && Arrays.stream(raw.getRecordComponents())
                .anyMatch(one -> one.getAccessor().isAnnotationPresent(JsonValue.class)));
  }

  private static List<String> words(Class<?> raw) {
    List<String> words = new ArrayList<>();
    for (Object constant : raw.getEnumConstants()) {
      String name = ((Enum<?>) constant).name();
      try {
        JsonProperty property = raw.getField(name).getAnnotation(JsonProperty.class);
        words.add(property == null ? name : property.value());
      } catch (NoSuchFieldException e) {
        throw new IllegalStateException(e);
      }
    }
    return words;
  }

  private Map<String, Object> shape(Class<?> raw, Type[] arguments, Map<String, Type> variables) {
    StringBuilder name = new StringBuilder(raw.getSimpleName());
    Map<String, Type> bound = new LinkedHashMap<>();
    for (int i = 0; i < arguments.length; i++) {
      Type argument = arguments[i];
      if (argument instanceof TypeVariable<?> variable) {
        argument = variables.getOrDefault(variable.getName(), argument);
      }
      bound.put(raw.getTypeParameters()[i].getName(), argument);
      name.append('_').append(argument instanceof Class<?> known ? known.getSimpleName() : "Any");
    }
    String key = name.toString();
    if (!components.containsKey(key)) {
      components.put(key, Map.of());
      components.put(key, raw.isRecord() ? ofRecord(raw, bound) : union(raw));
    }
    Map<String, Object> reference = map("$ref", "#/components/schemas/" + key);
    return isMarked(raw, Shorthand.class)
        ? map(
            "anyOf",
            List.of(reference, map("type", List.of("string", "number", "boolean", "array"))))
        : reference;
  }

  private static boolean isMarked(Class<?> raw, Class<? extends Annotation> mark) {
    return Arrays.stream(raw.getDeclaredMethods())
        .anyMatch(method -> method.isAnnotationPresent(mark));
  }

  private Map<String, Object> union(Class<?> raw) {
    Class<?>[] variants = raw.getPermittedSubclasses();
    if (variants == null) {
      return new LinkedHashMap<>();
    }
    List<Object> any = new ArrayList<>();
    for (Class<?> variant : variants) {
      any.add(of(variant));
    }
    Map<String, Object> schema = map("anyOf", any);
    Discriminator discriminator = raw.getAnnotation(Discriminator.class);
    if (discriminator != null) {
      schema.put("description", "Which one is told by `" + discriminator.value() + "`.");
    }
    return schema;
  }

  private Map<String, Object> ofRecord(Class<?> raw, Map<String, Type> variables) {
    Map<String, Object> properties = new LinkedHashMap<>();
    List<String> required = new ArrayList<>();
    fields(raw, variables, properties, required);
    Map<String, Object> schema = map("type", "object", "properties", properties);
    if (!required.isEmpty() && !isMarked(raw, Written.class)) {
      schema.put("required", required);
    }
    schema.put("additionalProperties", false);
    return schema;
  }

  private void fields(
      Class<?> raw,
      Map<String, Type> variables,
      Map<String, Object> properties,
      List<String> required) {
    for (Literal literal : raw.getAnnotationsByType(Literal.class)) {
      List<String> words = new ArrayList<>(List.of(literal.value()));
      words.addAll(List.of(literal.aliases()));
      properties.put(literal.property(), map("type", "string", "enum", words));
      if (literal.required()) {
        required.add(literal.property());
      }
    }
    for (RecordComponent component : raw.getRecordComponents()) {
      if (component.isAnnotationPresent(Flat.class)) {
        fields((Class<?>) component.getType(), variables, properties, required);
        continue;
      }
      boolean nullable = component.getAnnotatedType().isAnnotationPresent(Nullable.class);
      String name = name(component);
      Map<String, Object> schema = of(component.getGenericType(), variables);
      properties.put(name, nullable ? map("anyOf", List.of(schema, map("type", "null"))) : schema);
      if (!nullable && !component.isAnnotationPresent(Default.class)) {
        required.add(name);
      }
    }
  }

  private static String name(RecordComponent component) {
    Method accessor = component.getAccessor();
    JsonProperty renamed = accessor.getAnnotation(JsonProperty.class);
    return renamed != null && !renamed.value().isEmpty()
        ? renamed.value()
        : component.getName().replaceAll("([a-z0-9])([A-Z])", "$1_$2").toLowerCase(Locale.ROOT);
  }

  static Map<String, Object> map(Object... pairs) {
    Map<String, Object> map = new LinkedHashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      map.put(String.valueOf(pairs[i]), pairs[i + 1]);
    }
    return map;
  }
}
