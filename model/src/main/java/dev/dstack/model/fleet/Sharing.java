package dev.dstack.model.fleet;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;

/** How one instance is divided among jobs. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "kind")
@JsonSubTypes({
  @JsonSubTypes.Type(value = Sharing.Whole.class, name = "whole"),
  @JsonSubTypes.Type(value = Sharing.Blocks.class, name = "blocks"),
  @JsonSubTypes.Type(value = Sharing.ByRequest.class, name = "by-request")
})
public sealed interface Sharing {
  /** One job takes the whole instance. */
  record Whole() implements Sharing {}

  /** Equal parts of cpu, memory and accelerators; a job takes the fewest that satisfy it. */
  record Blocks(int total) implements Sharing {
    public Blocks {
      if (total < 1) {
        throw new IllegalArgumentException("blocks must be at least 1, got " + total);
      }
    }
  }

  /** A job takes what it asked for at least; for this machine and for simulated ones. */
  record ByRequest() implements Sharing {}
}
