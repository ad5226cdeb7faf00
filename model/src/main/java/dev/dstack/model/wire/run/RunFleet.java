package dev.dstack.model.wire.run;

import java.util.UUID;

public record RunFleet(UUID id, String name) {}
