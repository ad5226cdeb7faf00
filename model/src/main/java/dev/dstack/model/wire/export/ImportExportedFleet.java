package dev.dstack.model.wire.export;

import java.util.UUID;

public record ImportExportedFleet(UUID id, String name) {}
