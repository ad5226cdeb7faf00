package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Discriminator;
import dev.dstack.model.wire.resources.ResourcesSpec;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A run of a file. */
@Discriminator("type")
public sealed interface RunConfiguration extends ApplyConfiguration
    permits TaskConfiguration, DevEnvironmentConfiguration, ServiceConfiguration {
  RunBase base();

  ProfileParams profile();

  RunConfiguration withBase(RunBase base);

  RunConfiguration withProfile(ProfileParams profile);

  /** The shell commands of the user; a dev environment has its `init`. */
  List<String> commands();

  List<PortMapping> ports();

  @Override
  default @Nullable String name() {
    return base().name();
  }

  @Override
  default RunConfiguration withName(@Nullable String name) {
    return withBase(base().withName(name));
  }

  default Env env() {
    return base().env();
  }

  default RunConfiguration withEnv(Env env) {
    return withBase(base().withEnv(env));
  }

  default ResourcesSpec resources() {
    return base().resources();
  }

  default RunConfiguration withResources(ResourcesSpec resources) {
    return withBase(base().withResources(resources));
  }
}
