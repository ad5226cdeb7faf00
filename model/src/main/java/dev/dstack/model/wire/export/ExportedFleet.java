package dev.dstack.model.wire.export;

import java.util.UUID;

public record ExportedFleet(UUID id, String name) {}
