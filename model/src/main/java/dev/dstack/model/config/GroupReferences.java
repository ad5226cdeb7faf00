package dev.dstack.model.config;

import dev.dstack.model.wire.configuration.NodeGroup;
import dev.dstack.model.wire.configuration.RunConfiguration;
import dev.dstack.model.wire.configuration.TaskConfiguration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Addresses of nodes in the commands of a task, <code>${{ groups[0].nodes[1].IP_ADDRESS }}</code>;
 * <code>$${{ … }}</code> stands for itself without the first dollar. A task without groups is one
 * group.
 */
public final class GroupReferences {
  private static final Pattern ANY = Pattern.compile("(\\$?)\\$\\{\\{\\s*(groups\\b[^{}]*?)\\s*}}");
  private static final Pattern NODE =
      Pattern.compile("groups\\[(\\d{1,6})]\\.nodes\\[(\\d{1,6})]\\.IP_ADDRESS");

  private GroupReferences() {}

  /** What is wrong with the references in a command; empty when nothing is. */
  static Optional<String> problem(String command, RunConfiguration run) {
    List<Integer> sizes = sizes(run);
    return ANY.matcher(command)
        .results()
        .filter(match -> match.group(1).isEmpty())
        .flatMap(match -> problem(match, sizes).stream())
        .findFirst();
  }

  private static Optional<String> problem(MatchResult match, List<Integer> sizes) {
    Matcher node = NODE.matcher(match.group(2));
    if (!node.matches()) {
      return Optional.of(
          "refers to "
              + match.group(2)
              + ", which means nothing; write groups[0].nodes[0].IP_ADDRESS");
    }
    int group = Integer.parseInt(node.group(1));
    int number = Integer.parseInt(node.group(2));
    if (group >= sizes.size()) {
      return Optional.of(
          "refers to groups[" + group + "], and the groups are 0 to " + (sizes.size() - 1));
    }
    if (number >= sizes.get(group)) {
      return Optional.of(
          "refers to groups["
              + group
              + "].nodes["
              + number
              + "], and its nodes are 0 to "
              + (sizes.get(group) - 1));
    }
    return Optional.empty();
  }

  /**
   * @param addresses of all nodes, by their number
   */
  public static String resolve(String command, RunConfiguration run, List<String> addresses) {
    List<Integer> sizes = sizes(run);
    return ANY.matcher(command)
        .replaceAll(match -> Matcher.quoteReplacement(resolved(match, sizes, addresses)));
  }

  private static String resolved(MatchResult match, List<Integer> sizes, List<String> addresses) {
    if (!match.group(1).isEmpty()) {
      return match.group().substring(1);
    }
    Matcher node = NODE.matcher(match.group(2));
    if (!node.matches() || problem(match, sizes).isPresent()) {
      return match.group();
    }
    int before = 0;
    for (int group = 0; group < Integer.parseInt(node.group(1)); group++) {
      before += sizes.get(group);
    }
    return addresses.get(before + Integer.parseInt(node.group(2)));
  }

  /** How many nodes each group has. */
  private static List<Integer> sizes(RunConfiguration run) {
    List<Integer> sizes = new ArrayList<>();
    if (run instanceof TaskConfiguration task && task.groups() != null) {
      task.groups().stream().map(NodeGroup::nodes).forEach(sizes::add);
    } else if (run instanceof TaskConfiguration task && task.nodes() != null) {
      sizes.add(task.nodes());
    } else {
      sizes.add(1);
    }
    return sizes;
  }
}
