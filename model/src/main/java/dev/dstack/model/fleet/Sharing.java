package dev.dstack.model.fleet;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import dev.dstack.model.resources.Resources;
import java.util.Optional;

/** How one instance is divided among jobs. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "kind")
@JsonSubTypes({
  @JsonSubTypes.Type(value = Sharing.Whole.class, name = "whole"),
  @JsonSubTypes.Type(value = Sharing.Blocks.class, name = "blocks"),
  @JsonSubTypes.Type(value = Sharing.AutoBlocks.class, name = "auto-blocks"),
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

  /** As many blocks as there are accelerators; without any, as there are cpus. */
  record AutoBlocks() implements Sharing {}

  /** A job takes what it asked for at least; for this machine and for simulated ones. */
  record ByRequest() implements Sharing {}

  /** How a machine of these resources is divided: with a number of blocks that is known. */
  default Sharing of(Resources resources) {
    return switch (this) {
      case Whole _, Blocks _, ByRequest _ -> this;
      case AutoBlocks _ -> {
        int cpus = (int) Math.floor(resources.cpus());
        int gpus = resources.gpus().size();
        // Equal parts only: cpus and accelerators must both divide.
        int blocks = gpus == 0 ? cpus : gcd(gpus, cpus);
        yield blocks > 1 ? new Blocks(blocks) : new Whole();
      }
    };
  }

  /** Whether a machine of these resources can be divided into equal parts that way. */
  default boolean divides(Resources resources) {
    return !(this instanceof Blocks(int total))
        || (resources.gpus().size() % total == 0 && resources.cpus() % total == 0);
  }

  /** Empty: it can be divided that way. */
  default Optional<String> refusal(Resources resources) {
    return divides(resources) || !(this instanceof Blocks(int total))
        ? Optional.empty()
        : Optional.of(
            "can't be divided into "
                + total
                + " equal blocks: it has "
                + (resources.cpus() == Math.rint(resources.cpus())
                    ? Long.toString((long) resources.cpus())
                    : Double.toString(resources.cpus()))
                + " cpus and "
                + resources.gpus().size()
                + " accelerators");
  }

  private static int gcd(int a, int b) {
    return b == 0 ? a : gcd(b, a % b);
  }
}
