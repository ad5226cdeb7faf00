package dev.dstack.model.wire.file;

import java.util.UUID;

public record FileArchive(UUID id, String hash) {}
