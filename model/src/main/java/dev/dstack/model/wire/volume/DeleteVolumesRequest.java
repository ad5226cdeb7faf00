package dev.dstack.model.wire.volume;

import dev.dstack.model.json.Frozen;
import java.util.List;

public record DeleteVolumesRequest(List<String> names) {
  public DeleteVolumesRequest {
    names = Frozen.list(names);
  }
}
