package dev.dstack.model.wire.gateway;

import dev.dstack.model.json.Frozen;
import java.util.List;

public record DeleteGatewaysRequest(List<String> names) {
  public DeleteGatewaysRequest {
    names = Frozen.list(names);
  }
}
