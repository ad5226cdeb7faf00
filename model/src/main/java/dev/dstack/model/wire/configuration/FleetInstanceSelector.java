package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.InvalidFieldException;

public record FleetInstanceSelector(EntityReference fleet, int instance)
    implements InstanceSelector {
  public FleetInstanceSelector {
    if (instance < 0) {
      throw new InvalidFieldException("instance", "the number of an instance is not negative");
    }
  }
}
