package dev.dstack.model.wire.run;

import dev.dstack.model.json.Frozen;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * @param outcome granted, refused, queued or creating
 * @param words more about the outcome
 */
public record WhyFleet(
    String name, Instant at, String outcome, @Nullable String words, List<WhyRefusal> refusals) {
  public WhyFleet {
    refusals = Frozen.list(refusals);
  }
}
