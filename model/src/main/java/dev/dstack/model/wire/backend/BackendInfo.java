package dev.dstack.model.wire.backend;

import tools.jackson.databind.JsonNode;

/**
 * @param config depends on the backend; without credentials
 */
public record BackendInfo(String name, JsonNode config) {}
