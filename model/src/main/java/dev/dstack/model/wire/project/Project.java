package dev.dstack.model.wire.project;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import dev.dstack.model.wire.backend.BackendInfo;
import dev.dstack.model.wire.user.User;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

public record Project(
    UUID projectId,
    String projectName,
    User owner,
    @Nullable Instant createdAt,
    List<BackendInfo> backends,
    List<Member> members,
    @Default("false") boolean isPublic,
    @Nullable String templatesRepo) {
  public Project {
    backends = Frozen.list(backends);
    members = Frozen.list(members);
  }
}
