package dev.dstack.model.wire.repo;

import dev.dstack.model.json.Discriminator;

/** What a run knows of the repository it was submitted from. */
@Discriminator("repo_type")
public sealed interface RunRepoData
    permits RemoteRunRepoData, LocalRunRepoData, VirtualRunRepoData {}
