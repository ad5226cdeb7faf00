package dev.dstack.model.wire.export;

import java.util.UUID;

public record ExportedGateway(UUID id, String name) {}
