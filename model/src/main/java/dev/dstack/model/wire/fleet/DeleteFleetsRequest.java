package dev.dstack.model.wire.fleet;

import dev.dstack.model.json.Frozen;
import java.util.List;

public record DeleteFleetsRequest(List<String> names) {
  public DeleteFleetsRequest {
    names = Frozen.list(names);
  }
}
