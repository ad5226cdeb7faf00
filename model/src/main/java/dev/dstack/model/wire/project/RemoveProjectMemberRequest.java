package dev.dstack.model.wire.project;

import dev.dstack.model.json.Frozen;
import java.util.List;

public record RemoveProjectMemberRequest(List<String> usernames) {
  public RemoveProjectMemberRequest {
    usernames = Frozen.list(usernames);
  }
}
