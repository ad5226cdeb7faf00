package dev.dstack.model.wire.backend;

import dev.dstack.model.json.Frozen;
import dev.dstack.model.wire.common.BackendName;
import java.util.List;

public record DeleteBackendsRequest(List<BackendName> backendsNames) {
  public DeleteBackendsRequest {
    backendsNames = Frozen.list(backendsNames);
  }
}
