package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Frozen;
import dev.dstack.model.json.InvalidFieldException;
import dev.dstack.model.json.Shorthand;
import dev.dstack.model.json.Trees;
import java.util.List;
import tools.jackson.databind.JsonNode;

/**
 * When a run is started again and again: crontab lines in UTC. Whether they parse is checked with
 * the run.
 */
public record Schedule(List<String> cron) {
  public Schedule {
    cron = Frozen.list(cron);
    if (cron.isEmpty()) {
      throw new InvalidFieldException("cron", "give at least one crontab line");
    }
  }

  @Shorthand
  static JsonNode expand(JsonNode node) {
    JsonNode cron = node.get("cron");
    return cron == null || !cron.isString()
        ? node
        : Trees.with(Trees.copy(node), "cron", Trees.list(cron));
  }
}
