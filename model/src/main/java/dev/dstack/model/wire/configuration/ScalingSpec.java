package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Literal;
import org.jspecify.annotations.Nullable;

@Literal(property = "metric", value = "rps", required = true)
public record ScalingSpec(
    double target,
    @Nullable Seconds window,
    @Default("300") Seconds scaleUpDelay,
    @Default("600") Seconds scaleDownDelay) {}
