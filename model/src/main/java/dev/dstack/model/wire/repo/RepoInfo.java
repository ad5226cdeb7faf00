package dev.dstack.model.wire.repo;

import dev.dstack.model.json.Discriminator;

@Discriminator("repo_type")
public sealed interface RepoInfo permits RemoteRepoInfo, LocalRepoInfo, VirtualRepoInfo {}
