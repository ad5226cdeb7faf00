package dev.dstack.model.wire.user;

import dev.dstack.model.json.Frozen;
import java.util.List;
import org.jspecify.annotations.Nullable;

public record UsersInfoList(@Nullable Integer totalCount, List<User> users) {
  public UsersInfoList {
    users = Frozen.list(users);
  }
}
