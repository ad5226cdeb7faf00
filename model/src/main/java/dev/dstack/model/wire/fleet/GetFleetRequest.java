package dev.dstack.model.wire.fleet;

import java.util.UUID;
import org.jspecify.annotations.Nullable;

public record GetFleetRequest(@Nullable String name, @Nullable UUID id) {}
