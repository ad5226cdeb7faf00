package dev.dstack.model.wire.user;

public record UserPermissions(boolean canCreateProjects) {}
