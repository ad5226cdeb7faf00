package dev.dstack.model.wire.user;

import dev.dstack.model.json.Frozen;
import java.util.List;

public record DeleteUsersRequest(List<String> users) {
  public DeleteUsersRequest {
    users = Frozen.list(users);
  }
}
