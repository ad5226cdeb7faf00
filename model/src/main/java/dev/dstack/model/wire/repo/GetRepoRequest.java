package dev.dstack.model.wire.repo;

public record GetRepoRequest(String repoId, boolean includeCreds) {}
