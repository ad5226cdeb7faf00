package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import dev.dstack.model.wire.resources.ResourcesSpec;
import java.util.List;
import org.jspecify.annotations.Nullable;

public record NodeGroup(
    @Nullable String name,
    @Default("1") int nodes,
    @Default("{}") ResourcesSpec resources,
    @Default("[]") List<String> commands,
    @Default("[]") List<PortMapping> ports) {
  public NodeGroup {
    commands = Frozen.list(commands);
    ports = Frozen.list(ports);
  }
}
