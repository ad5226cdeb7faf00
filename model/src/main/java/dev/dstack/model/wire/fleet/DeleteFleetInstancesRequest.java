package dev.dstack.model.wire.fleet;

import dev.dstack.model.json.Frozen;
import java.util.List;

public record DeleteFleetInstancesRequest(String name, List<Integer> instanceNums) {
  public DeleteFleetInstancesRequest {
    instanceNums = Frozen.list(instanceNums);
  }
}
