package dev.dstack.agent.docker;

import java.util.Map;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;

/**
 * A container as the engine sees it.
 *
 * @param state created, running, exited, dead…
 * @param pid of its first process on the host; 0: none
 * @param oomKilled the kernel ended something in it because there was no memory left
 * @param error of the engine, when it could not be started
 */
public record ContainerView(
    String id,
    String state,
    long pid,
    int exitCode,
    boolean oomKilled,
    String error,
    Map<Integer, Integer> ports) {
  public ContainerView {
    ports = Map.copyOf(ports);
  }

  static ContainerView of(JsonNode json) {
    JsonNode state = json.path("State");
    Map<Integer, Integer> ports = new TreeMap<>();
    for (Map.Entry<String, JsonNode> entry :
        json.path("NetworkSettings").path("Ports").properties()) {
      String[] port = entry.getKey().split("/");
      String host = entry.getValue().path(0).path("HostPort").asString("");
      if (port[0].matches("[0-9]{1,5}") && host.matches("[0-9]{1,5}")) {
        ports.put(Integer.parseInt(port[0]), Integer.parseInt(host));
      }
    }
    return new ContainerView(
        json.path("Id").asString(""),
        state.path("Status").asString(""),
        state.path("Pid").asLong(0),
        state.path("ExitCode").asInt(0),
        state.path("OOMKilled").asBoolean(false),
        state.path("Error").asString(""),
        ports);
  }

  public boolean waits() {
    return state.equals("created");
  }

  public boolean runs() {
    return state.equals("running") || state.equals("paused") || state.equals("restarting");
  }
}
