package dev.dstack.model.wire.user;

import dev.dstack.model.json.Frozen;
import java.util.List;
import java.util.UUID;

public record DeletePublicKeysRequest(List<UUID> ids) {
  public DeletePublicKeysRequest {
    ids = Frozen.list(ids);
  }
}
