package dev.dstack.model.json;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationContext;
import tools.jackson.databind.JavaType;
import tools.jackson.databind.JsonNode;

/** Reads one document into shapes, collecting problems instead of stopping at the first. */
final class ShapeReader {
  private final Shape.Book book;
  private final DeserializationContext context;
  private final boolean strict;
  private List<FieldError> errors = new ArrayList<>();
  private final List<Object> path = new ArrayList<>();

  ShapeReader(Shape.Book book, DeserializationContext context, boolean strict) {
    this.book = book;
    this.context = context;
    this.strict = strict;
  }

  List<FieldError> errors() {
    return errors;
  }

  /** Null when it could not be read; then there is an error, unless null is what was written. */
  @Nullable Object read(JavaType type, JsonNode node) {
    Class<?> raw = type.getRawClass();
    if (Shape.is(raw)) {
      return readShape(book.of(type, context.getTypeFactory()), node);
    }
    if (List.class.isAssignableFrom(raw)) {
      return readList(type.getContentType(), node);
    }
    if (Map.class.isAssignableFrom(raw)) {
      return readMap(type, node);
    }
    if (raw == Optional.class) {
      return node.isNull()
          ? Optional.empty()
          : Optional.ofNullable(read(type.containedType(0), node));
    }
    if (JsonNode.class.isAssignableFrom(raw)) {
      return node;
    }
    if (Scalars.knows(raw)) {
      try {
        return Scalars.read(raw, node);
      } catch (Scalars.Refusal refusal) {
        return fail(refusal.type(), refusal.text());
      }
    }
    Method creator = Shape.creator(raw);
    return creator == null ? readByMapper(type, node) : call(creator, node);
  }

  private @Nullable Object readShape(Shape shape, JsonNode node) {
    return switch (shape) {
      case Shape.OfRecord ofRecord -> readRecord(ofRecord, node);
      case Shape.OfUnion union -> readUnion(union, node);
    };
  }

  private @Nullable Object readUnion(Shape.OfUnion union, JsonNode written) {
    JsonNode node = expand(union.shorthand(), written);
    if (node == null) {
      return null;
    }
    String property = union.property();
    if (property == null) {
      return readUntagged(union, node);
    }
    if (!node.isObject()) {
      return fail("model_attributes_type", "Input should be an object");
    }
    JsonNode tag = node.get(property);
    if (tag == null || !tag.isString()) {
      return fail(
          "union_tag_not_found",
          "`"
              + property
              + "` is required here, one of: "
              + String.join(", ", union.variants().keySet()));
    }
    Class<?> variant = union.variants().get(tag.stringValue());
    if (variant == null) {
      return fail(
          "union_tag_invalid",
          "`"
              + property
              + "` is '"
              + tag.stringValue()
              + "', expected one of: "
              + String.join(", ", union.variants().keySet()));
    }
    return read(context.constructType(variant), node);
  }

  /**
   * Scalars are tried on scalars and records on objects; the problems of all tries are told when
   * none fits.
   */
  private @Nullable Object readUntagged(Shape.OfUnion union, JsonNode node) {
    List<FieldError> before = errors;
    List<FieldError> problems = new ArrayList<>();
    for (Map.Entry<String, Class<?>> variant : union.variants().entrySet()) {
      if (Shape.is(variant.getValue()) != node.isObject()) {
        continue;
      }
      errors = new ArrayList<>();
      Object read = read(context.constructType(variant.getValue()), node);
      if (errors.isEmpty()) {
        errors = before;
        return read;
      }
      problems.addAll(errors);
    }
    errors = before;
    if (problems.isEmpty()) {
      return fail("model_type", "Input does not have a form that is accepted here");
    }
    errors.addAll(problems);
    return null;
  }

  private @Nullable Object readRecord(Shape.OfRecord shape, JsonNode written) {
    JsonNode node = expand(shape.shorthand(), written);
    if (node == null) {
      return null;
    }
    if (!node.isObject()) {
      return fail("model_attributes_type", "Input should be an object");
    }
    Set<String> known = new HashSet<>();
    Object made = readFields(shape, node, known);
    if (strict) {
      for (Map.Entry<String, JsonNode> property : node.properties()) {
        if (!known.contains(property.getKey())) {
          at(property.getKey(), () -> fail("extra_forbidden", "Extra inputs are not permitted"));
        }
      }
    }
    return made;
  }

  private @Nullable Object readFields(Shape.OfRecord shape, JsonNode node, Set<String> known) {
    int problemsBefore = errors.size();
    @Nullable Object[] values = new Object[shape.components().size()];
    for (Shape.Field field : shape.fields()) {
      switch (field) {
        case Shape.Constant(Literal literal, var _, var _) -> {
          known.add(literal.property());
          checkLiteral(literal, node.get(literal.property()));
        }
        case Shape.Component component when component.flat() != null -> {
          JsonNode expanded = expand(component.flat().shorthand(), node);
          values[component.index()] =
              expanded == null ? null : readFields(component.flat(), expanded, known);
        }
        case Shape.Component component -> {
          known.add(component.name());
          values[component.index()] = readComponent(component, node.get(component.name()));
        }
      }
    }
    return errors.size() > problemsBefore ? null : construct(shape, values);
  }

  private void checkLiteral(Literal literal, @Nullable JsonNode node) {
    if (node == null) {
      if (literal.required()) {
        at(literal.property(), () -> fail("missing", "Field required"));
      }
      return;
    }
    boolean same = node.isString() && node.stringValue().equals(literal.value());
    for (String alias : literal.aliases()) {
      same |= node.isString() && node.stringValue().equals(alias);
    }
    if (!same) {
      at(
          literal.property(),
          () -> fail("literal_error", "Input should be '" + literal.value() + "'"));
    }
  }

  private @Nullable Object readComponent(Shape.Component component, @Nullable JsonNode written) {
    JsonNode node = written == null ? component.standIn() : written;
    if (node == null) {
      return component.nullable()
          ? null
          : at(component.name(), () -> fail("missing", "Field required"));
    }
    if (node.isNull() && component.nullable()) {
      return null;
    }
    return at(
        component.name(),
        () -> {
          int problemsBefore = errors.size();
          Object value = read(component.type(), node);
          if (value == null && !component.nullable() && errors.size() == problemsBefore) {
            return fail("missing", "A value is required here, null is not one");
          }
          return value;
        });
  }

  private @Nullable Object readList(JavaType of, JsonNode node) {
    if (!node.isArray()) {
      return fail("list_type", "Input should be a valid list");
    }
    List<Object> values = new ArrayList<>(node.size());
    int index = 0;
    for (JsonNode item : node) {
      int problemsBefore = errors.size();
      Object value = at(index, () -> read(of, item));
      if (value != null) {
        values.add(value);
      } else if (errors.size() == problemsBefore) {
        at(index, () -> fail("missing", "A value is required here, null is not one"));
      }
      index++;
    }
    return Collections.unmodifiableList(values);
  }

  private @Nullable Object readMap(JavaType type, JsonNode node) {
    if (!node.isObject()) {
      return fail("dict_type", "Input should be a valid dictionary");
    }
    Map<Object, Object> values = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> property : node.properties()) {
      at(
          property.getKey(),
          () -> {
            Object key =
                read(type.getKeyType(), context.getNodeFactory().stringNode(property.getKey()));
            int problemsBefore = errors.size();
            Object value = read(type.getContentType(), property.getValue());
            if (key != null && value != null) {
              values.put(key, value);
            } else if (errors.size() == problemsBefore) {
              fail("missing", "A value is required here, null is not one");
            }
            return null;
          });
    }
    return Collections.unmodifiableMap(values);
  }

  private @Nullable Object readByMapper(JavaType type, JsonNode node) {
    try {
      return context.readTreeAsValue(node, type);
    } catch (JacksonException e) {
      for (FieldError error : Json.errors(e)) {
        errors.add(error.under(path.toArray()));
      }
      return null;
    }
  }

  private @Nullable JsonNode expand(@Nullable Method shorthand, JsonNode node) {
    if (shorthand == null) {
      return node;
    }
    return (JsonNode) call(shorthand, node);
  }

  private @Nullable Object call(Method method, JsonNode node) {
    try {
      return method.invoke(null, node);
    } catch (InvocationTargetException e) {
      return refused(e);
    } catch (IllegalAccessException e) {
      throw new IllegalStateException(e);
    }
  }

  private @Nullable Object construct(Shape.OfRecord shape, @Nullable Object[] values) {
    try {
      return shape.constructor().newInstance(values);
    } catch (InvocationTargetException e) {
      return refused(e);
    } catch (InstantiationException | IllegalAccessException e) {
      throw new IllegalStateException(e);
    }
  }

  private @Nullable Object refused(InvocationTargetException e) {
    return switch (e.getCause()) {
      case InvalidFieldException invalid ->
          at(invalid.field(), () -> fail("value_error", String.valueOf(invalid.getMessage())));
      case IllegalArgumentException invalid ->
          fail("value_error", String.valueOf(invalid.getMessage()));
      case null, default -> throw new IllegalStateException(e.getCause());
    };
  }

  private @Nullable Object fail(String type, String message) {
    errors.add(FieldError.of(type, path, message));
    return null;
  }

  private @Nullable Object at(Object step, Reading reading) {
    path.add(step);
    try {
      return reading.read();
    } finally {
      path.removeLast();
    }
  }

  private interface Reading {
    @Nullable Object read();
  }
}
