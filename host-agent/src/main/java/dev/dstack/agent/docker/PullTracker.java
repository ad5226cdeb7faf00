package dev.dstack.agent.docker;

import dev.dstack.model.agent.PullProgress;
import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/** Adds up what the engine says of each layer. */
final class PullTracker {
  private final Map<String, Layer> layers = new LinkedHashMap<>();

  private static final class Layer {
    private long downloaded;
    private long extracted;
    private long total;
    private boolean present;
  }

  void accept(JsonNode line) {
    String id = line.path("id").asString("");
    String status = line.path("status").asString("");
    long current = line.path("progressDetail").path("current").asLong(0);
    long total = line.path("progressDetail").path("total").asLong(0);
    switch (status) {
      case "Pulling fs layer", "Waiting" -> layer(id);
      case "Already exists" -> layer(id).present = true;
      case "Downloading" -> {
        Layer layer = layer(id);
        layer.total = Math.max(layer.total, total);
        layer.downloaded = Math.max(layer.downloaded, current);
      }
      case "Verifying Checksum", "Download complete" -> {
        Layer layer = layer(id);
        layer.downloaded = layer.total;
      }
      case "Extracting" -> {
        Layer layer = layer(id);
        layer.total = Math.max(layer.total, total);
        layer.downloaded = layer.total;
        layer.extracted = Math.max(layer.extracted, current);
      }
      case "Pull complete" -> {
        Layer layer = layer(id);
        layer.present = true;
        layer.downloaded = layer.total;
        layer.extracted = layer.total;
      }
      default -> {
        // Words about the image as a whole.
      }
    }
  }

  private Layer layer(String id) {
    return layers.computeIfAbsent(id, _ -> new Layer());
  }

  PullProgress progress() {
    long downloaded = 0;
    long extracted = 0;
    long total = 0;
    boolean allKnown = !layers.isEmpty();
    for (Layer layer : layers.values()) {
      downloaded += layer.downloaded;
      extracted += layer.extracted;
      total += layer.total;
      allKnown &= layer.present || layer.total > 0;
    }
    return new PullProgress(downloaded, extracted, total, allKnown);
  }
}
