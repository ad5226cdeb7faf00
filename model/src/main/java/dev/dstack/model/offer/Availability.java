package dev.dstack.model.offer;

import com.fasterxml.jackson.annotation.JsonProperty;

public enum Availability {
  @JsonProperty("unknown")
  UNKNOWN("unknown", true),
  @JsonProperty("available")
  AVAILABLE("available", true),
  @JsonProperty("not_available")
  NOT_AVAILABLE("not_available", false),
  @JsonProperty("no_quota")
  NO_QUOTA("no_quota", false),
  @JsonProperty("no_balance")
  NO_BALANCE("no_balance", false),
  @JsonProperty("idle")
  IDLE("idle", true),
  @JsonProperty("busy")
  BUSY("busy", false);

  private final String wire;
  private final boolean usable;

  Availability(String wire, boolean usable) {
    this.wire = wire;
    this.usable = usable;
  }

  public String wire() {
    return wire;
  }

  public boolean usable() {
    return usable;
  }
}
