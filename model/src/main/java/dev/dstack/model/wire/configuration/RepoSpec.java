package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Default;
import org.jspecify.annotations.Nullable;

public record RepoSpec(
    @Nullable String localPath,
    @Nullable String url,
    @Nullable String branch,
    @Nullable String hash,
    @Default("'.'") String path,
    @Default("'error'") RepoExistsAction ifExists) {}
