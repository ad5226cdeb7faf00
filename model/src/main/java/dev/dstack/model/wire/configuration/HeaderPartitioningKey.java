package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Literal;

@Literal(property = "type", value = "header")
public record HeaderPartitioningKey(
    String header) implements PartitioningKey {}
