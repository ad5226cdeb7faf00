package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Default;

public record RateLimit(
    @Default("'/'") String prefix,
    @Default("{'type': 'ip_address'}") PartitioningKey key,
    double rps,
    @Default("0") int burst) {}
