package dev.dstack.model.wire.run;

import dev.dstack.model.json.Frozen;
import java.util.List;

public record DeleteRunsRequest(List<String> runsNames) {
  public DeleteRunsRequest {
    runsNames = Frozen.list(runsNames);
  }
}
