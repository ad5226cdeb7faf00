package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.InvalidFieldException;

public record InstanceNameSelector(String name) implements InstanceSelector {
  public InstanceNameSelector {
    if (name.isEmpty()) {
      throw new InvalidFieldException("name", "the name is empty");
    }
  }
}
