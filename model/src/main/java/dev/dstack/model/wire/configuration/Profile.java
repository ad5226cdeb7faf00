package dev.dstack.model.wire.configuration;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.dstack.model.json.Default;
import dev.dstack.model.json.Flat;

public record Profile(
    @Flat ProfileParams params,
    @Default("''") String name,
    @JsonProperty("default") @Default("false") boolean isDefault) {}
