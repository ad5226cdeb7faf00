package dev.dstack.model.json;

import com.fasterxml.jackson.annotation.JsonFormat;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.Version;
import tools.jackson.databind.BeanDescription;
import tools.jackson.databind.DeserializationConfig;
import tools.jackson.databind.DeserializationContext;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JacksonModule;
import tools.jackson.databind.JavaType;
import tools.jackson.databind.SerializationConfig;
import tools.jackson.databind.SerializationContext;
import tools.jackson.databind.ValueDeserializer;
import tools.jackson.databind.ValueSerializer;
import tools.jackson.databind.deser.Deserializers;
import tools.jackson.databind.ser.Serializers;

/** Teaches a mapper to read and write shapes. */
final class ShapeModule extends JacksonModule {
  private static final Shape.Book BOOK = new Shape.Book();

  @Override
  public String getModuleName() {
    return "dstack-shapes";
  }

  @Override
  public Version version() {
    return Version.unknownVersion();
  }

  @Override
  public void setupModule(SetupContext context) {
    context.addDeserializers(
        new Deserializers.Base() {
          @Override
          public @Nullable ValueDeserializer<?> findBeanDeserializer(
              JavaType type, DeserializationConfig config, BeanDescription.Supplier description) {
            return Shape.is(type.getRawClass()) ? new Reader(type) : null;
          }

          @Override
          public boolean hasDeserializerFor(DeserializationConfig config, Class<?> type) {
            return Shape.is(type);
          }
        });
    context.addSerializers(
        new Serializers.Base() {
          @Override
          public @Nullable ValueSerializer<?> findSerializer(
              SerializationConfig config,
              JavaType type,
              BeanDescription.Supplier description,
              JsonFormat.@Nullable Value format) {
            return type.getRawClass().isRecord() && Shape.is(type.getRawClass())
                ? new Writer(type)
                : null;
          }
        });
  }

  private static final class Reader extends ValueDeserializer<Object> {
    private final JavaType type;

    Reader(JavaType type) {
      this.type = type;
    }

    @Override
    public @Nullable Object deserialize(JsonParser parser, DeserializationContext context) {
      boolean strict = context.isEnabled(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);
      ShapeReader reader = new ShapeReader(BOOK, context, strict);
      Object read = reader.read(type, context.readTree(parser));
      if (!reader.errors().isEmpty()) {
        throw new ShapeException(parser, reader.errors());
      }
      return read;
    }
  }

  private static final class Writer extends ValueSerializer<Object> {
    private final JavaType type;

    Writer(JavaType type) {
      this.type = type;
    }

    @Override
    public void serialize(Object value, JsonGenerator generator, SerializationContext context) {
      writeShape(value, describe(type, context), generator, context);
    }

    private static Shape.OfRecord describe(JavaType type, SerializationContext context) {
      return (Shape.OfRecord) BOOK.of(type, context.getTypeFactory());
    }

    private static void writeShape(
        Object value, Shape.OfRecord shape, JsonGenerator generator, SerializationContext context) {
      if (shape.written() != null) {
        write(call(shape.written(), value), generator, context);
        return;
      }
      generator.writeStartObject(value);
      writeFields(value, shape, generator, context);
      generator.writeEndObject();
    }

    private static void writeFields(
        Object value, Shape.OfRecord shape, JsonGenerator generator, SerializationContext context) {
      for (Shape.Field field : shape.fields()) {
        switch (field) {
          case Shape.Constant constant -> {
            generator.writeName(constant.property());
            generator.writeString(constant.value());
          }
          case Shape.Component component -> {
            Object held = call(component.accessor(), value);
            if (component.flat() != null) {
              writeFields(Objects.requireNonNull(held), component.flat(), generator, context);
            } else {
              generator.writeName(component.encodedName());
              write(held, generator, context);
            }
          }
        }
      }
    }

    private static @Nullable Object call(Method method, Object value) {
      try {
        return method.invoke(value);
      } catch (InvocationTargetException | IllegalAccessException e) {
        throw new IllegalStateException("this method does nothing but return: " + method, e);
      }
    }

    /**
     * Containers are written here so that a map keeps its order; the common scalars to save a
     * look-up for each.
     */
    private static void write(
        @Nullable Object value, JsonGenerator generator, SerializationContext context) {
      switch (value) {
        case null -> generator.writeNull();
        case String text -> generator.writeString(text);
        case Boolean flag -> generator.writeBoolean(flag);
        case Integer number -> generator.writeNumber(number);
        case Long number -> generator.writeNumber(number);
        case Double number -> generator.writeNumber(number);
        case Instant instant -> generator.writeString(Json.text(instant));
        case UUID id -> generator.writeString(id.toString());
        case Optional<?> optional -> write(optional.orElse(null), generator, context);
        case List<?> list -> writeList(list, generator, context);
        case Map<?, ?> map -> writeMap(map, generator, context);
        default -> writeOther(value, generator, context);
      }
    }

    private static void writeList(
        List<?> list, JsonGenerator generator, SerializationContext context) {
      generator.writeStartArray(list, list.size());
      for (Object item : list) {
        write(item, generator, context);
      }
      generator.writeEndArray();
    }

    private static void writeMap(
        Map<?, ?> map, JsonGenerator generator, SerializationContext context) {
      generator.writeStartObject(map, map.size());
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        generator.writeName(String.valueOf(entry.getKey()));
        write(entry.getValue(), generator, context);
      }
      generator.writeEndObject();
    }

    private static void writeOther(
        Object value, JsonGenerator generator, SerializationContext context) {
      Class<?> raw = value.getClass();
      Method scalar = Shape.value(raw);
      if (scalar != null) {
        write(call(scalar, value), generator, context);
      } else if (Shape.is(raw)) {
        writeShape(value, describe(context.constructType(raw), context), generator, context);
      } else if (value instanceof Enum<?> constant && !Shape.isScalar(raw)) {
        generator.writeString(Scalars.wireName(constant));
      } else {
        context.writeValue(generator, value);
      }
    }
  }
}
