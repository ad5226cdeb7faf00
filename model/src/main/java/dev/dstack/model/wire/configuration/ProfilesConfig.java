package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Frozen;
import java.util.List;

public record ProfilesConfig(List<Profile> profiles) {
  public ProfilesConfig {
    profiles = Frozen.list(profiles);
  }
}
