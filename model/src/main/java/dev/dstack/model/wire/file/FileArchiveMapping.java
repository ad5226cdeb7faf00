package dev.dstack.model.wire.file;

import java.util.UUID;

public record FileArchiveMapping(UUID id, String path) {}
