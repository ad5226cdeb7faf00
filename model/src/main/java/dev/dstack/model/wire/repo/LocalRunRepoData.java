package dev.dstack.model.wire.repo;

import dev.dstack.model.json.Literal;

@Literal(property = "repo_type", value = "local")
public record LocalRunRepoData(String repoDir) implements RunRepoData {}
