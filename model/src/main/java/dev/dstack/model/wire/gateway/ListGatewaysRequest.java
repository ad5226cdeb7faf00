package dev.dstack.model.wire.gateway;

import dev.dstack.model.json.Default;

public record ListGatewaysRequest(@Default("false") boolean includeImported) {}
