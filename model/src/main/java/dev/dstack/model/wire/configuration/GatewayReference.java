package dev.dstack.model.wire.configuration;

import org.jspecify.annotations.Nullable;

/** A certain gateway. */
public record GatewayReference(@Nullable String project, String name) implements GatewayOption {
  public EntityReference reference() {
    return new EntityReference(project, name);
  }
}
