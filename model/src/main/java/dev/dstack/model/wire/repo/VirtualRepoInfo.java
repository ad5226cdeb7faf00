package dev.dstack.model.wire.repo;

import dev.dstack.model.json.Literal;

@Literal(property = "repo_type", value = "virtual")
public record VirtualRepoInfo() implements RepoInfo {}
