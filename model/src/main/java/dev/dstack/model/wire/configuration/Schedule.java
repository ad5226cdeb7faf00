package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Frozen;
import java.util.List;

public record Schedule(
    List<String> cron) {
  public Schedule {
    cron = Frozen.list(cron);
  }
}
