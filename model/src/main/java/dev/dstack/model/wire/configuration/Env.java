package dev.dstack.model.wire.configuration;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import dev.dstack.model.json.Frozen;
import dev.dstack.model.json.Trees;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Environment variables in the order of the document, written as a mapping or as a list of {@code
 * NAME=value} and {@code NAME}. It never prints a value.
 */
public record Env(Map<String, EnvValue> entries) {
  public static final Env EMPTY = new Env(Map.of());
  private static final Pattern ITEM =
      Pattern.compile("([a-zA-Z_][a-zA-Z0-9_]*)(=.*)?", Pattern.DOTALL);

  public Env {
    entries = Frozen.map(entries);
  }

  public static Env of(Map<String, String> values) {
    Map<String, EnvValue> entries = new LinkedHashMap<>();
    values.forEach((name, value) -> entries.put(name, new EnvValue.Text(value)));
    return new Env(entries);
  }

  /** One item of a list, {@code NAME=value} or {@code NAME}. */
  public static Env parseItem(String item) {
    if (!ITEM.matcher(item).matches()) {
      // Not the item itself: what is wrong with it may be a value on the wrong side.
      throw new IllegalArgumentException("not a variable; write NAME=value or NAME");
    }
    int equals = item.indexOf('=');
    return equals < 0
        ? new Env(Map.of(item, new EnvValue.FromCaller(item)))
        : new Env(Map.of(item.substring(0, equals), new EnvValue.Text(item.substring(equals + 1))));
  }

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  static Env parse(JsonNode node) {
    Map<String, EnvValue> entries = new LinkedHashMap<>();
    if (node.isArray()) {
      for (JsonNode item : node) {
        if (!item.isString()) {
          throw new IllegalArgumentException("not a variable; write NAME=value or NAME");
        }
        parseItem(item.stringValue())
            .entries
            .forEach(
                (name, value) -> {
                  if (entries.putIfAbsent(name, value) != null) {
                    throw new IllegalArgumentException("variable " + name + " is set twice");
                  }
                });
      }
    } else if (node.isObject()) {
      for (Map.Entry<String, JsonNode> property : node.properties()) {
        entries.put(property.getKey(), value(property.getKey(), property.getValue()));
      }
    } else {
      throw new IllegalArgumentException("env is a mapping or a list of NAME=value");
    }
    return new Env(entries);
  }

  private static EnvValue value(String name, JsonNode node) {
    String text = Trees.scalarText(node);
    if (text != null) {
      return new EnvValue.Text(text);
    }
    if (node.isObject() && node.size() == 1 && node.path("key").isString()) {
      return new EnvValue.FromCaller(node.get("key").stringValue());
    }
    throw new IllegalArgumentException(
        "the value of variable " + name + " must be a text or a number");
  }

  @JsonValue
  Map<String, Object> wire() {
    Map<String, Object> wire = new LinkedHashMap<>();
    entries.forEach(
        (name, value) ->
            wire.put(
                name,
                switch (value) {
                  case EnvValue.Text(String text) -> text;
                  case EnvValue.FromCaller(String key) -> Map.of("key", key);
                }));
    return wire;
  }

  public boolean isEmpty() {
    return entries.isEmpty();
  }

  public Set<String> names() {
    return entries.keySet();
  }

  public @Nullable String value(String name) {
    return entries.get(name) instanceof EnvValue.Text(String text) ? text : null;
  }

  /** Names that still have to be looked up in the environment of the person who applies. */
  public List<String> unresolved() {
    return entries.entrySet().stream()
        .filter(entry -> entry.getValue() instanceof EnvValue.FromCaller)
        .map(Map.Entry::getKey)
        .toList();
  }

  /** Values for the names without one; a name the caller does not know either is an error. */
  public Env resolve(Function<String, @Nullable String> caller) {
    Map<String, EnvValue> resolved = new LinkedHashMap<>(entries);
    for (Map.Entry<String, EnvValue> entry : entries.entrySet()) {
      if (entry.getValue() instanceof EnvValue.FromCaller(String key)) {
        String value = caller.apply(key);
        if (value == null) {
          throw new IllegalArgumentException(
              "environment variable " + key + " is not set; export it or give it a value");
        }
        resolved.put(entry.getKey(), new EnvValue.Text(value));
      }
    }
    return new Env(resolved);
  }

  /** All values; it is an error if one is missing. */
  public Map<String, String> asMap() {
    List<String> missing = unresolved();
    if (!missing.isEmpty()) {
      throw new IllegalArgumentException(
          "variables without a value: " + String.join(", ", new TreeSet<>(missing)));
    }
    Map<String, String> values = new LinkedHashMap<>();
    entries.forEach((name, value) -> values.put(name, ((EnvValue.Text) value).value()));
    return Collections.unmodifiableMap(values);
  }

  /** The values of the other one win. */
  public Env with(Env other) {
    Map<String, EnvValue> merged = new LinkedHashMap<>(entries);
    merged.putAll(other.entries);
    return new Env(merged);
  }

  /** The names alone, for places where a value must not be. */
  public Env namesOnly() {
    Map<String, EnvValue> names = new LinkedHashMap<>();
    entries.keySet().forEach(name -> names.put(name, new EnvValue.FromCaller(name)));
    return new Env(names);
  }

  @Override
  public String toString() {
    return "Env" + entries.keySet();
  }
}
