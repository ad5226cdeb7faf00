package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Checks;
import dev.dstack.model.json.Literal;
import org.jspecify.annotations.Nullable;

@Literal(property = "type", value = "vastai")
public record VastAiProfileOptions(
    @Nullable VastAiOfferOrder offerOrder,
    @Nullable Double minReliability,
    @Nullable Integer minScore) {
  public VastAiProfileOptions {
    boolean isShare = minReliability == null || (minReliability >= 0 && minReliability <= 1);
    Checks.holds(isShare, "min_reliability", "it is a number from 0 to 1");
    Checks.atLeast("min_score", minScore, 0);
  }
}
