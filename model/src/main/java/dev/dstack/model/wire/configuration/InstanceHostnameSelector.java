package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.InvalidFieldException;

public record InstanceHostnameSelector(String hostname) implements InstanceSelector {
  public InstanceHostnameSelector {
    if (hostname.isEmpty()) {
      throw new InvalidFieldException("hostname", "the host name is empty");
    }
  }
}
