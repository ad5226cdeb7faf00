package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Discriminator;
import org.jspecify.annotations.Nullable;

/** Anything that `dstack apply` takes. */
@Discriminator("type")
public sealed interface ApplyConfiguration
    permits RunConfiguration, FleetConfiguration, GatewayConfiguration, VolumeConfiguration {
  /** As in the file: task, service, dev-environment, fleet, gateway or volume. */
  String type();

  @Nullable String name();

  ApplyConfiguration withName(@Nullable String name);
}
