package dev.dstack.model.json;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonValue;
import java.lang.annotation.Annotation;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.io.SerializedString;
import tools.jackson.core.json.JsonReadFeature;
import tools.jackson.databind.JavaType;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.type.TypeFactory;

/**
 * What is known of a shape from its declaration: a record with its fields in the order of the wire,
 * or a sealed interface with its variants.
 */
sealed interface Shape {
  String PACKAGE = "dev.dstack.model.wire";

  /** A field in the order in which it is written. */
  sealed interface Field {}

  record Constant(Literal literal, SerializedString property, SerializedString value)
      implements Field {}

  /**
   * @param flat the shape whose fields stand in this one's place
   * @param standIn what an absent field is read as
   */
  record Component(
      String name,
      SerializedString encodedName,
      int index,
      JavaType type,
      boolean nullable,
      @Nullable JsonNode standIn,
      @Nullable OfRecord flat,
      Method accessor)
      implements Field {}

  record OfRecord(
      JavaType type,
      List<Field> fields,
      List<Component> components,
      Constructor<?> constructor,
      @Nullable Method shorthand,
      @Nullable Method written)
      implements Shape {}

  /**
   * @param property the discriminating field; absent: the first variant that reads is meant
   * @param variants by value of that field, or by name of the class
   */
  record OfUnion(
      JavaType type,
      @Nullable String property,
      Map<String, Class<?>> variants,
      @Nullable Method shorthand)
      implements Shape {}

  /** Whether this class is read and written as a shape. */
  static boolean is(Class<?> type) {
    return Kinds.SHAPES.get(type);
  }

  /** A class that brings its own scalar form. */
  static boolean isScalar(Class<?> type) {
    return Kinds.SCALARS.get(type).isScalar();
  }

  /**
   * The static method that makes a scalar of the wire from what is written; null when the mapper
   * has to do it.
   */
  static @Nullable Method creator(Class<?> type) {
    return Kinds.SCALARS.get(type).creator();
  }

  /**
   * The method that gives the written form of a scalar of the wire; null when the mapper has to
   * find it.
   */
  static @Nullable Method value(Class<?> type) {
    return Kinds.SCALARS.get(type).value();
  }

  private static boolean looksLikeShape(Class<?> type) {
    if (!type.getPackageName().startsWith(PACKAGE)) {
      return false;
    }
    if (!type.isRecord() && !(type.isInterface() && type.isSealed())) {
      return false;
    }
    return !isScalar(type);
  }

  /** How a class is read and written as one value, as far as it can be seen without the mapper. */
  record ScalarForm(boolean isScalar, @Nullable Method creator, @Nullable Method value) {
    static ScalarForm of(Class<?> type) {
      boolean isScalar = false;
      Method creator = null;
      Method value = null;
      boolean ours = type.getPackageName().startsWith(PACKAGE);
      for (Method method : type.getDeclaredMethods()) {
        // The accessor of a record's component has the annotation of the component.
        if (method.isAnnotationPresent(JsonValue.class)) {
          isScalar = true;
          value = ours ? method : null;
        } else if (Modifier.isStatic(method.getModifiers())
            && method.isAnnotationPresent(JsonCreator.class)) {
          isScalar = true;
          boolean fromTree =
              method.getParameterCount() == 1 && method.getParameterTypes()[0] == JsonNode.class;
          creator = ours && fromTree ? method : null;
        }
      }
      for (Method found : new Method[] {creator, value}) {
        if (found != null) {
          found.setAccessible(true);
        }
      }
      return new ScalarForm(isScalar, creator, value);
    }
  }

  static String wireName(String javaName) {
    return javaName.replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
  }

  /** Asked for every value, so the answers are kept. */
  final class Kinds {
    private static final ClassValue<Boolean> SHAPES =
        new ClassValue<>() {
          @Override
          protected Boolean computeValue(Class<?> type) {
            return looksLikeShape(type);
          }
        };
    private static final ClassValue<ScalarForm> SCALARS =
        new ClassValue<>() {
          @Override
          protected ScalarForm computeValue(Class<?> type) {
            return ScalarForm.of(type);
          }
        };

    private Kinds() {}
  }

  /** Descriptions by type; building one is reflection, so it is done once. */
  final class Book {
    private static final JsonMapper DEFAULTS =
        JsonMapper.builder().enable(JsonReadFeature.ALLOW_SINGLE_QUOTES).build();

    private final Map<JavaType, Shape> shapes = new ConcurrentHashMap<>();

    Shape of(JavaType type, TypeFactory types) {
      Shape known = shapes.get(type);
      if (known != null) {
        return known;
      }
      // Not computeIfAbsent: a flat component describes another shape on the way.
      Shape made = type.isInterface() ? union(type) : ofRecord(type, types);
      shapes.put(type, made);
      return made;
    }

    private static OfUnion union(JavaType type) {
      Class<?> raw = type.getRawClass();
      Discriminator discriminator = raw.getAnnotation(Discriminator.class);
      String property = discriminator == null ? null : discriminator.value();
      Map<String, Class<?>> variants = new LinkedHashMap<>();
      for (Class<?> variant : raw.getPermittedSubclasses()) {
        if (property == null) {
          variants.put(variant.getSimpleName(), variant);
        } else {
          tags(variant, property).forEach(tag -> variants.put(tag, variant));
        }
      }
      return new OfUnion(type, property, variants, marked(raw, Shorthand.class));
    }

    /**
     * The values of the discriminating field; those of a union inside of a union are those of its
     * variants.
     */
    private static List<String> tags(Class<?> variant, String property) {
      if (variant.isInterface()) {
        return Arrays.stream(variant.getPermittedSubclasses())
            .flatMap(inner -> tags(inner, property).stream())
            .distinct()
            .toList();
      }
      List<String> tags = new ArrayList<>();
      for (Literal literal : variant.getAnnotationsByType(Literal.class)) {
        if (literal.property().equals(property)) {
          tags.add(literal.value());
          tags.addAll(List.of(literal.aliases()));
        }
      }
      if (tags.isEmpty()) {
        throw new IllegalStateException(variant + " has no literal " + property);
      }
      return tags;
    }

    private OfRecord ofRecord(JavaType type, TypeFactory types) {
      Class<?> raw = type.getRawClass();
      RecordComponent[] declared = raw.getRecordComponents();
      Literal[] literals = raw.getAnnotationsByType(Literal.class);
      List<Field> fields = new ArrayList<>();
      List<Component> components = new ArrayList<>();
      for (int i = 0; i < declared.length; i++) {
        addLiterals(fields, literals, i);
        Component component = component(type, declared[i], i, types);
        fields.add(component);
        components.add(component);
      }
      addLiterals(fields, literals, declared.length);
      try {
        Constructor<?> constructor =
            raw.getDeclaredConstructor(
                Arrays.stream(declared).map(RecordComponent::getType).toArray(Class<?>[]::new));
        constructor.setAccessible(true);
        return new OfRecord(
            type,
            List.copyOf(fields),
            List.copyOf(components),
            constructor,
            marked(raw, Shorthand.class),
            marked(raw, Written.class));
      } catch (NoSuchMethodException e) {
        throw new IllegalStateException("a record has its canonical constructor: " + raw, e);
      }
    }

    private static void addLiterals(List<Field> fields, Literal[] literals, int index) {
      for (Literal literal : literals) {
        if (literal.at() == index) {
          fields.add(
              new Constant(
                  literal,
                  new SerializedString(literal.property()),
                  new SerializedString(literal.value())));
        }
      }
    }

    private Component component(
        JavaType owner, RecordComponent component, int index, TypeFactory types) {
      JavaType type = types.resolveMemberType(component.getGenericType(), owner.getBindings());
      Method accessor = component.getAccessor();
      accessor.setAccessible(true);
      JsonProperty renamed = accessor.getAnnotation(JsonProperty.class);
      String name =
          renamed == null || renamed.value().isEmpty()
              ? wireName(component.getName())
              : renamed.value();
      Default standIn = component.getAnnotation(Default.class);
      boolean nullable = component.getAnnotatedType().isAnnotationPresent(Nullable.class);
      OfRecord flat = component.isAnnotationPresent(Flat.class) ? (OfRecord) of(type, types) : null;
      return new Component(
          name,
          new SerializedString(name),
          index,
          type,
          nullable,
          standIn == null ? null : DEFAULTS.readTree(standIn.value()),
          flat,
          accessor);
    }

    private static @Nullable Method marked(Class<?> raw, Class<? extends Annotation> mark) {
      for (Method method : raw.getDeclaredMethods()) {
        if (method.isAnnotationPresent(mark)) {
          method.setAccessible(true);
          return method;
        }
      }
      return null;
    }
  }
}
