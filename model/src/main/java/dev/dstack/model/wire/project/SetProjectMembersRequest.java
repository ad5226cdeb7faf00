package dev.dstack.model.wire.project;

import dev.dstack.model.json.Frozen;
import java.util.List;

public record SetProjectMembersRequest(List<MemberSetting> members) {
  public SetProjectMembersRequest {
    members = Frozen.list(members);
  }
}
