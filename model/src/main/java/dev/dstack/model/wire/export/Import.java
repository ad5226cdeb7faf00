package dev.dstack.model.wire.export;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.UUID;

public record Import(UUID id, @JsonProperty("export") ImportExport exported) {}
