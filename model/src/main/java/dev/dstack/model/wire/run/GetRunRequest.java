package dev.dstack.model.wire.run;

import java.util.UUID;
import org.jspecify.annotations.Nullable;

public record GetRunRequest(@Nullable String runName, @Nullable UUID id) {}
