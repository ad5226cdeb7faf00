package dev.dstack.model.wire.repo;

import dev.dstack.model.json.Literal;

@Literal(property = "repo_type", value = "local")
public record LocalRepoInfo(String repoDir) implements RepoInfo {}
