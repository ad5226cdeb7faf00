package dev.dstack.agent.host;

import dev.dstack.model.agent.HostHealth;
import dev.dstack.model.agent.HostHealth.Level;
import dev.dstack.model.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/** How the accelerators of the host are, by NVIDIA's DCGM where it is installed. */
public final class Health {
  private static final Tool TOOL = Tool.ofHost();
  private static final Duration WITHIN = Duration.ofSeconds(20);
  private static final Duration CONNECT_WITHIN = Duration.ofSeconds(2);
  private static final int DEFAULT_EXPORTER_PORT = 9400;
  private static final int MOST_BYTES = 16 << 20;

  private Health() {}

  /** Empty: there is no DCGM, so nobody would know of anything wrong. */
  public static Optional<HostHealth> check() {
    if (!Files.exists(Path.of("/dev/nvidiactl"))) {
      return Optional.empty();
    }
    // Watches stay as they are once set; setting them again is harmless.
    TOOL.output(WITHIN, "dcgmi", "health", "-g", "0", "-s", "a");
    return TOOL.output(WITHIN, "dcgmi", "health", "-g", "0", "-c", "-j").map(Health::parse);
  }

  /** Whatever its shape from release to release: a tree of names with values of few words. */
  static HostHealth parse(String json) {
    try {
      JsonNode root = Json.lenient().readTree(json);
      List<String> incidents = new ArrayList<>();
      Level level = walk(root.path("body"), "", Level.HEALTHY, incidents);
      return new HostHealth(level, incidents);
    } catch (JacksonException e) {
      return new HostHealth(Level.HEALTHY, List.of());
    }
  }

  private static Level walk(JsonNode node, String name, Level before, List<String> incidents) {
    Level level = before;
    String value = node.path("value").asString("").toLowerCase(Locale.ROOT);
    Level here =
        value.contains("fail")
            ? Level.FAILURE
            : value.contains("warn") ? Level.WARNING : Level.HEALTHY;
    JsonNode children = node.path("children");
    if (here.compareTo(level) > 0) {
      level = here;
    }
    if (here != Level.HEALTHY && !name.isEmpty() && !children.has("GPU")) {
      incidents.add(name + ": " + words(node));
    }
    for (Map.Entry<String, JsonNode> child :
        (children.isMissingNode() ? node : children).properties()) {
      if (child.getValue().isObject()) {
        level = walk(child.getValue(), child.getKey(), level, incidents);
      }
    }
    return level;
  }

  private static String words(JsonNode node) {
    JsonNode errors = node.path("children").path("Error");
    String text = errors.path("value").asString("");
    return text.isEmpty() ? node.path("value").asString("") : text;
  }

  /** What a DCGM exporter on this host says; empty: there is none. */
  public static Optional<byte[]> dcgmMetrics() {
    String port = System.getenv("DSTACK_DCGM_EXPORTER_HTTP_PORT");
    int number =
        port != null && port.matches("[0-9]{1,5}") ? Integer.parseInt(port) : DEFAULT_EXPORTER_PORT;
    try {
      URI uri = URI.create("http://127.0.0.1:" + number + "/metrics");
      HttpURLConnection call = (HttpURLConnection) uri.toURL().openConnection();
      call.setConnectTimeout((int) CONNECT_WITHIN.toMillis());
      call.setReadTimeout((int) WITHIN.toMillis());
      if (call.getResponseCode() != HttpURLConnection.HTTP_OK) {
        return Optional.empty();
      }
      try (InputStream in = call.getInputStream()) {
        byte[] bytes = in.readNBytes(MOST_BYTES);
        // The port is a usual one for other exporters, too.
        return new String(bytes, StandardCharsets.UTF_8).contains("DCGM_")
            ? Optional.of(bytes)
            : Optional.empty();
      }
    } catch (IOException e) {
      return Optional.empty();
    }
  }
}
