package dev.dstack.model.wire.project;

import dev.dstack.model.wire.user.ProjectRole;

public record MemberSetting(String username, ProjectRole projectRole) {}
