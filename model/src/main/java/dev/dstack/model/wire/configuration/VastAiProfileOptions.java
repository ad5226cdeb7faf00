package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Literal;
import org.jspecify.annotations.Nullable;

@Literal(property = "type", value = "vastai")
public record VastAiProfileOptions(
    @Nullable VastAiOfferOrder offerOrder,
    @Nullable Double minReliability,
    @Nullable Integer minScore) {}
