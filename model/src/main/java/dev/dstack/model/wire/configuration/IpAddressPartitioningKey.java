package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Literal;

@Literal(property = "type", value = "ip_address")
public record IpAddressPartitioningKey() implements PartitioningKey {}
