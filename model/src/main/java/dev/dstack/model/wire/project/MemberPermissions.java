package dev.dstack.model.wire.project;

import dev.dstack.model.json.Default;

public record MemberPermissions(
    boolean canManageSshFleets, @Default("false") boolean canManageSecrets) {}
