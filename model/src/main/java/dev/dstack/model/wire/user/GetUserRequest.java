package dev.dstack.model.wire.user;

public record GetUserRequest(String username) {}
