package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Default;

public record ReplicaGroupRouterConfig(@Default("'smg'") RouterType type) {}
