package dev.dstack.model.wire.run;

import dev.dstack.model.json.Frozen;
import java.util.List;

public record StopRunsRequest(List<String> runsNames, boolean abort) {
  public StopRunsRequest {
    runsNames = Frozen.list(runsNames);
  }
}
