package dev.dstack.model.wire.user;

import java.time.Instant;
import java.util.UUID;

public record PublicKeyInfo(
    UUID id, Instant addedAt, String name, String type, String fingerprint) {}
