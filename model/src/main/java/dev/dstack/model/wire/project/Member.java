package dev.dstack.model.wire.project;

import dev.dstack.model.wire.user.ProjectRole;
import dev.dstack.model.wire.user.User;

public record Member(User user, ProjectRole projectRole, MemberPermissions permissions) {}
