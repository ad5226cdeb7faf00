package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import dev.dstack.model.json.InvalidFieldException;
import dev.dstack.model.wire.resources.ResourcesSpec;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
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
    if (nodes < 1) {
      throw new InvalidFieldException("nodes", "a group has at least one node");
    }
    if (name != null && !name.matches("[a-z0-9][a-z0-9-]{0,39}")) {
      throw new InvalidFieldException(
          "name", "a group's name is [a-z0-9][a-z0-9-]{0,39}, not '" + name + "'");
    }
  }

  /** A group without a name has its index for one; names are unique. */
  static List<NodeGroup> named(List<NodeGroup> groups) {
    if (groups.isEmpty()) {
      throw new InvalidFieldException("groups", "the list is empty");
    }
    List<NodeGroup> named = new ArrayList<>();
    Set<String> names = new HashSet<>();
    for (NodeGroup group : groups) {
      String name = group.name == null ? Integer.toString(named.size()) : group.name;
      if (!names.add(name)) {
        throw new InvalidFieldException("groups", "two groups are called " + name);
      }
      named.add(new NodeGroup(name, group.nodes, group.resources, group.commands, group.ports));
    }
    return List.copyOf(named);
  }

  public NodeGroup withResources(ResourcesSpec newResources) {
    return new NodeGroup(name, nodes, newResources, commands, ports);
  }
}
