package dev.dstack.workflows.fleet;

import dev.dstack.model.ids.FleetId;

/** A fleet as a run names it. */
public record FleetRef(FleetId id, String project, String name) {}
