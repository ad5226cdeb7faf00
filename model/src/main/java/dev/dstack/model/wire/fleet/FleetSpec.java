package dev.dstack.model.wire.fleet;

import dev.dstack.model.json.Default;
import dev.dstack.model.wire.configuration.FleetConfiguration;
import dev.dstack.model.wire.configuration.Profile;
import org.jspecify.annotations.Nullable;

public record FleetSpec(
    FleetConfiguration configuration,
    @Nullable String configurationPath,
    Profile profile,
    @Default("false") boolean autocreated) {
  public FleetSpec withConfiguration(FleetConfiguration newConfiguration) {
    return new FleetSpec(newConfiguration, configurationPath, profile, autocreated);
  }

  public FleetSpec withAutocreated(boolean newAutocreated) {
    return new FleetSpec(configuration, configurationPath, profile, newAutocreated);
  }
}
