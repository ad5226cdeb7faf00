package dev.dstack.model.agent;

import java.util.List;

/**
 * The nodes that a task works together with, itself among them.
 *
 * @param rank which of them the task is
 * @param nodes by their rank
 */
public record NodesRequest(int rank, List<Node> nodes) {
  public NodesRequest {
    nodes = List.copyOf(nodes);
    if (rank < 0 || rank >= nodes.size()) {
      throw new IllegalArgumentException(
          "nodes.rank: there is no node " + rank + " of " + nodes.size());
    }
  }

  /**
   * @param address where the other nodes reach it
   * @param sshPort where its SSH server is at that address
   * @param gpus accelerators of its task
   */
  public record Node(String address, int sshPort, int gpus) {}

  public Node own() {
    return nodes.get(rank);
  }

  /** What {@code DSTACK_MPI_HOSTFILE} names: a line for each node. */
  public String hostfile() {
    StringBuilder lines = new StringBuilder();
    for (Node node : nodes) {
      lines.append(node.address());
      if (node.gpus() > 0) {
        lines.append(" slots=").append(node.gpus());
      }
      lines.append('\n');
    }
    return lines.toString();
  }
}
