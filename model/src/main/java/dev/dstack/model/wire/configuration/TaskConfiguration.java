package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Flat;
import dev.dstack.model.json.Frozen;
import dev.dstack.model.json.Literal;
import java.util.List;
import org.jspecify.annotations.Nullable;

@Literal(property = "type", value = "task", at = 4)
public record TaskConfiguration(
    @Nullable Integer nodes,
    @Nullable List<NodeGroup> groups,
    @Default("[]") List<PortMapping> ports,
    @Default("[]") List<String> commands,
    @Flat RunBase base,
    @Flat ProfileParams profile) implements RunConfiguration {
  public TaskConfiguration {
    groups = Frozen.listOrNull(groups);
    ports = Frozen.list(ports);
    commands = Frozen.list(commands);
  }
}
