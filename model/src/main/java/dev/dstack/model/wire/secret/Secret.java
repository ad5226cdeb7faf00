package dev.dstack.model.wire.secret;

import java.util.UUID;
import org.jspecify.annotations.Nullable;

public record Secret(UUID id, String name, @Nullable String value) {
  @Override
  public String toString() {
    return "Secret[name=" + name + ", value=***]";
  }
}
