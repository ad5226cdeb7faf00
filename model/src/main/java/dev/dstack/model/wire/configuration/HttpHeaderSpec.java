package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Checks;

public record HttpHeaderSpec(String name, String value) {
  public HttpHeaderSpec {
    Checks.length("name", name, 1, 256);
    Checks.length("value", value, 1, 2048);
  }
}
