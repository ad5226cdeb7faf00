package dev.dstack.model.wire.project;

import dev.dstack.model.json.Frozen;
import java.util.List;

public record AddProjectMemberRequest(List<MemberSetting> members) {
  public AddProjectMemberRequest {
    members = Frozen.list(members);
  }
}
