package dev.dstack.model.wire.repo;

import org.jspecify.annotations.Nullable;

public record RepoHeadWithCreds(
    String repoId, RepoInfo repoInfo, @Nullable RemoteRepoCreds repoCreds) {}
