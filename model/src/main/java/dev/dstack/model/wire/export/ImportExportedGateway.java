package dev.dstack.model.wire.export;

import java.util.UUID;

public record ImportExportedGateway(UUID id, String name) {}
