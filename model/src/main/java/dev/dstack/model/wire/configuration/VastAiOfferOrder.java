package dev.dstack.model.wire.configuration;

import com.fasterxml.jackson.annotation.JsonProperty;

public enum VastAiOfferOrder {
  @JsonProperty("score")
  SCORE("score"),
  @JsonProperty("price")
  PRICE("price");

  private final String wire;

  VastAiOfferOrder(String wire) {
    this.wire = wire;
  }

  public String wire() {
    return wire;
  }
}
