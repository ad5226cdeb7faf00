package dev.dstack.model.wire.instance;

import java.util.UUID;

public record GetInstanceRequest(UUID id) {}
