package dev.dstack.model.fleet;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/** Status of a fleet, by the names of dstack's API. */
public enum FleetStatus {
  @JsonProperty("submitted")
  SUBMITTED("submitted", false),
  @JsonProperty("active")
  ACTIVE("active", false),
  @JsonProperty("terminating")
  TERMINATING("terminating", false),
  @JsonProperty("terminated")
  TERMINATED("terminated", true),
  @JsonProperty("failed")
  FAILED("failed", true);

  private static final Map<FleetStatus, Set<FleetStatus>> NEXT =
      Map.of(
          SUBMITTED, EnumSet.of(ACTIVE, TERMINATING, FAILED),
          ACTIVE, EnumSet.of(TERMINATING),
          TERMINATING, EnumSet.of(TERMINATED, FAILED),
          TERMINATED, Set.of(),
          FAILED, Set.of());

  private final String wire;
  private final boolean isFinal;

  FleetStatus(String wire, boolean isFinal) {
    this.wire = wire;
    this.isFinal = isFinal;
  }

  public String wire() {
    return wire;
  }

  public boolean isFinal() {
    return isFinal;
  }

  public boolean canBecome(FleetStatus next) {
    return NEXT.getOrDefault(this, Set.of()).contains(next);
  }
}
