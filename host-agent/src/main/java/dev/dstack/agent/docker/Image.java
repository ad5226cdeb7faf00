package dev.dstack.agent.docker;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/**
 * An image that is on the host.
 *
 * @param pulled it came from a registry; otherwise it was built or loaded here
 */
public record Image(
    String id,
    String architecture,
    List<String> entrypoint,
    List<String> command,
    Map<String, String> env,
    boolean pulled) {
  public Image {
    entrypoint = List.copyOf(entrypoint);
    command = List.copyOf(command);
    env = Map.copyOf(env);
  }

  static Image of(JsonNode json) {
    JsonNode config = json.path("Config");
    Map<String, String> env = new LinkedHashMap<>();
    for (String variable : texts(config.path("Env"))) {
      int equals = variable.indexOf('=');
      if (equals > 0) {
        env.put(variable.substring(0, equals), variable.substring(equals + 1));
      }
    }
    return new Image(
        json.path("Id").asString(""),
        json.path("Architecture").asString(""),
        texts(config.path("Entrypoint")),
        texts(config.path("Cmd")),
        env,
        !json.path("RepoDigests").isEmpty());
  }

  private static List<String> texts(JsonNode array) {
    List<String> texts = new ArrayList<>();
    array.forEach(item -> texts.add(item.asString("")));
    return texts;
  }
}
