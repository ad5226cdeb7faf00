package dev.dstack.activities.agent;

import dev.dstack.db.views.RunReader;
import dev.dstack.model.agent.AccessRequest;
import dev.dstack.model.agent.NodesRequest;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.json.Json;
import dev.dstack.workflows.fleet.Placement;
import dev.dstack.workflows.job.AgentActivities.TaskRef;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Where the nodes of a replica are. All of them are shown before the first one starts and stay
 * where they are, so what has been read once is remembered for the other nodes.
 */
final class Nodes {
  private static final int REMEMBERED = 20;
  private static final String LOCAL_ADDRESS = "127.0.0.1";

  private record Key(RunId run, int replica, int submission) {}

  private final RunReader views;
  private final Map<Key, List<Placement>> remembered =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Key, List<Placement>> eldest) {
          return size() > REMEMBERED;
        }
      };

  Nodes(RunReader views) {
    this.views = views;
  }

  /**
   * @throws DstackException NOT_READY when not all of them are known
   */
  synchronized List<Placement> of(TaskRef task, int submission, int count) {
    Key key = new Key(task.run(), task.replicaNum(), submission);
    List<Placement> known = remembered.get(key);
    if (known == null) {
      known = read(key, count);
      remembered.put(key, known);
    }
    return known;
  }

  private List<Placement> read(Key key, int count) {
    Map<Integer, String> found = views.placements(key.run(), key.replica(), key.submission());
    List<Placement> nodes = new ArrayList<>();
    for (int number = 0; number < count; number++) {
      String json = found.get(number);
      if (json == null) {
        throw new DstackException(
            ErrorKind.NOT_READY,
            "Where node " + number + " of " + count + " is has not been written down yet.");
      }
      nodes.add(Json.lenient().readValue(json, Placement.class));
    }
    return List.copyOf(nodes);
  }

  /** Where others reach it. */
  static String address(@Nullable Placement node) {
    if (node == null) {
      return LOCAL_ADDRESS;
    }
    if (node.internalIp() != null) {
      return node.internalIp();
    }
    return node.hostname() == null ? LOCAL_ADDRESS : node.hostname();
  }

  static NodesRequest request(int rank, List<Placement> nodes) {
    return new NodesRequest(
        rank,
        nodes.stream()
            .map(
                node ->
                    new NodesRequest.Node(
                        address(node), AccessRequest.SSH_PORT, node.taken().gpus().size()))
            .toList());
  }
}
