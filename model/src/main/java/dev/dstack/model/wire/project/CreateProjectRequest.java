package dev.dstack.model.wire.project;

import dev.dstack.model.json.Default;
import org.jspecify.annotations.Nullable;

public record CreateProjectRequest(
    String projectName, @Default("false") boolean isPublic, @Nullable String templatesRepo) {}
