package dev.dstack.model.wire.repo;

public record RepoHead(String repoId, RepoInfo repoInfo) {}
