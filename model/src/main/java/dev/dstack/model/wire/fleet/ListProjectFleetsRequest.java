package dev.dstack.model.wire.fleet;

import dev.dstack.model.json.Default;

public record ListProjectFleetsRequest(@Default("false") boolean includeImported) {}
