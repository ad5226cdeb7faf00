package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Checks;
import dev.dstack.model.json.Literal;
import java.util.regex.Pattern;

@Literal(property = "type", value = "header")
public record HeaderPartitioningKey(String header) implements PartitioningKey {
  private static final Pattern NAME = Pattern.compile("[a-zA-Z0-9-_]+");

  public HeaderPartitioningKey {
    Checks.length("header", header, 0, 500);
    Checks.matches("header", header, NAME);
  }
}
