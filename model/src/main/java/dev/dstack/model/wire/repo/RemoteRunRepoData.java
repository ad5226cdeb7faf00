package dev.dstack.model.wire.repo;

import dev.dstack.model.json.Literal;
import org.jspecify.annotations.Nullable;

@Literal(property = "repo_type", value = "remote")
public record RemoteRunRepoData(
    String repoName,
    @Nullable String repoBranch,
    @Nullable String repoHash,
    @Nullable String repoConfigName,
    @Nullable String repoConfigEmail)
    implements RunRepoData {}
