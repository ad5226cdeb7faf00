package dev.dstack.workflows.sweep;

import dev.dstack.model.ids.InstanceId;

/** A machine of this installation that no open instance workflow owns. */
public record Orphan(InstanceId instance, int attempt, String providerId, String name) {}
