package dev.dstack.model.instance;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/**
 * Status of an instance as shown; IDLE and BUSY differ only by the fleet's claims on a ready
 * machine.
 */
public enum InstanceStatus {
  @JsonProperty("pending")
  PENDING("pending", false),
  @JsonProperty("provisioning")
  PROVISIONING("provisioning", false),
  @JsonProperty("idle")
  IDLE("idle", false),
  @JsonProperty("busy")
  BUSY("busy", false),
  @JsonProperty("terminating")
  TERMINATING("terminating", false),
  @JsonProperty("terminated")
  TERMINATED("terminated", true);

  private static final Map<InstanceStatus, Set<InstanceStatus>> NEXT =
      Map.of(
          PENDING, EnumSet.of(PROVISIONING, TERMINATING, TERMINATED),
          PROVISIONING, EnumSet.of(IDLE, BUSY, TERMINATING),
          IDLE, EnumSet.of(BUSY, TERMINATING),
          BUSY, EnumSet.of(IDLE, TERMINATING),
          TERMINATING, EnumSet.of(TERMINATED),
          TERMINATED, Set.of());

  private final String wire;
  private final boolean isFinal;

  InstanceStatus(String wire, boolean isFinal) {
    this.wire = wire;
    this.isFinal = isFinal;
  }

  public String wire() {
    return wire;
  }

  public boolean isFinal() {
    return isFinal;
  }

  public boolean canBecome(InstanceStatus next) {
    return NEXT.getOrDefault(this, Set.of()).contains(next);
  }
}
