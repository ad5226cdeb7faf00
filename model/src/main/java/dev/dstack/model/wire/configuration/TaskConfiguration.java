package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Flat;
import dev.dstack.model.json.Frozen;
import dev.dstack.model.json.InvalidFieldException;
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
    @Flat ProfileParams profile)
    implements RunConfiguration {
  public TaskConfiguration {
    groups = Frozen.listOrNull(groups);
    ports = Frozen.list(ports);
    commands = Frozen.list(commands);
    if (nodes != null && nodes < 1) {
      throw new InvalidFieldException("nodes", "a task has at least one node");
    }
    if (groups == null) {
      if (commands.isEmpty() && (base.image() == null || base.image().isEmpty())) {
        throw new InvalidFieldException("commands", "either `commands` or `image` must be set");
      }
    } else {
      groups = NodeGroup.named(groups);
      refuseWithGroups("nodes", nodes != null);
      refuseWithGroups("commands", !commands.isEmpty());
      refuseWithGroups("ports", !ports.isEmpty());
      refuseWithGroups("entrypoint", base.entrypoint() != null);
      for (NodeGroup group : groups) {
        if (group.commands().isEmpty() && base.image() == null) {
          throw new InvalidFieldException(
              "groups", "group " + group.name() + " needs `commands`, or the task an `image`");
        }
      }
    }
  }

  /** A task of one node. */
  public static TaskConfiguration of(String... commands) {
    return new TaskConfiguration(
        null, null, List.of(), List.of(commands), RunBase.empty(), ProfileParams.empty());
  }

  /** How many jobs a replica has. */
  public int nodesTotal() {
    if (groups != null) {
      return groups.stream().mapToInt(NodeGroup::nodes).sum();
    }
    return nodes == null ? 1 : nodes;
  }

  @Override
  public String type() {
    return "task";
  }

  @Override
  public TaskConfiguration withBase(RunBase newBase) {
    return new TaskConfiguration(nodes, groups, ports, commands, newBase, profile);
  }

  @Override
  public TaskConfiguration withProfile(ProfileParams newProfile) {
    return new TaskConfiguration(nodes, groups, ports, commands, base, newProfile);
  }

  public TaskConfiguration withNodes(@Nullable Integer newNodes) {
    return new TaskConfiguration(newNodes, groups, ports, commands, base, profile);
  }

  public TaskConfiguration withPorts(List<PortMapping> newPorts) {
    return new TaskConfiguration(nodes, groups, newPorts, commands, base, profile);
  }

  public TaskConfiguration withCommands(List<String> newCommands) {
    return new TaskConfiguration(nodes, groups, ports, newCommands, base, profile);
  }

  private static void refuseWithGroups(String field, boolean set) {
    if (set) {
      throw new InvalidFieldException(
          field, "with `groups` it is set in each group, not for the task");
    }
  }

  public TaskConfiguration withGroups(@Nullable List<NodeGroup> newGroups) {
    return new TaskConfiguration(nodes, newGroups, ports, commands, base, profile);
  }
}
