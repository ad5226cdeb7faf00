package dev.dstack.model.wire.repo;

import dev.dstack.model.json.Literal;

@Literal(property = "repo_type", value = "remote")
public record RemoteRepoInfo(String repoName) implements RepoInfo {}
