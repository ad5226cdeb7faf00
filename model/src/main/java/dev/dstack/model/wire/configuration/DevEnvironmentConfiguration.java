package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Flat;
import dev.dstack.model.json.Frozen;
import dev.dstack.model.json.InvalidFieldException;
import dev.dstack.model.json.Literal;
import java.util.List;
import org.jspecify.annotations.Nullable;

@Literal(property = "type", value = "dev-environment", at = 5)
public record DevEnvironmentConfiguration(
    @Nullable Ide ide,
    @Nullable String version,
    @Default("[]") List<String> init,
    @Nullable InactivityDuration inactivityDuration,
    @Default("[]") List<PortMapping> ports,
    @Flat RunBase base,
    @Flat ProfileParams profile)
    implements RunConfiguration {
  public DevEnvironmentConfiguration {
    init = Frozen.list(init);
    ports = Frozen.list(ports);
    if (version != null && !version.isEmpty()) {
      if (ide == null) {
        throw new InvalidFieldException(
            "version", "it is the version of an `ide`, which is not set");
      }
      if (ide == Ide.WINDSURF && !version.matches(".+@[a-f0-9]+")) {
        throw new InvalidFieldException("version", "for windsurf it is written version@commit");
      }
    }
    if (base.entrypoint() != null) {
      throw new InvalidFieldException("entrypoint", "a dev environment has none");
    }
    if (base.dstack() && inactivityDuration != null) {
      throw new InvalidFieldException(
          "dstack", "`dstack` and `inactivity_duration` exclude each other");
    }
  }

  @Override
  public List<String> commands() {
    return init;
  }

  @Override
  public String type() {
    return "dev-environment";
  }

  @Override
  public DevEnvironmentConfiguration withBase(RunBase newBase) {
    return new DevEnvironmentConfiguration(
        ide, version, init, inactivityDuration, ports, newBase, profile);
  }

  @Override
  public DevEnvironmentConfiguration withProfile(ProfileParams newProfile) {
    return new DevEnvironmentConfiguration(
        ide, version, init, inactivityDuration, ports, base, newProfile);
  }
}
