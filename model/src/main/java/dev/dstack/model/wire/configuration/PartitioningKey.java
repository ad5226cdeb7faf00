package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Discriminator;

/** What requests are counted by. */
@Discriminator("type")
public sealed interface PartitioningKey permits IpAddressPartitioningKey, HeaderPartitioningKey {}
