package dev.dstack.activities.cloud;

import dev.dstack.model.ids.FleetId;
import java.util.Optional;
import java.util.UUID;

/** The name of a fleet's placement group, and back. */
public final class PlacementGroupNames {
  private static final String PREFIX = "dstack-";

  private PlacementGroupNames() {}

  static String of(FleetId fleet) {
    return PREFIX + fleet;
  }

  /** Empty: it is none of ours. */
  public static Optional<FleetId> fleet(String name) {
    if (!name.startsWith(PREFIX)) {
      return Optional.empty();
    }
    try {
      return Optional.of(new FleetId(UUID.fromString(name.substring(PREFIX.length()))));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }
}
