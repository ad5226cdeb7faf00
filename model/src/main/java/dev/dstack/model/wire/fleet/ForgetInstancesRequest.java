package dev.dstack.model.wire.fleet;

import dev.dstack.model.json.Frozen;
import java.util.List;

/**
 * A person says that machines are gone, so that nobody tries to end them any more. Not in dstack's
 * API.
 *
 * @param instanceNums empty: all of the fleet, which is deleted with them
 */
public record ForgetInstancesRequest(String name, List<Integer> instanceNums) {
  public ForgetInstancesRequest {
    instanceNums = Frozen.list(instanceNums);
  }
}
