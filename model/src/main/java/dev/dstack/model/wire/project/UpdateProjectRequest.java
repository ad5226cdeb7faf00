package dev.dstack.model.wire.project;

import dev.dstack.model.json.Default;
import org.jspecify.annotations.Nullable;

public record UpdateProjectRequest(
    @Nullable Boolean isPublic,
    @Nullable String templatesRepo,
    @Default("false") boolean resetTemplatesRepo) {}
