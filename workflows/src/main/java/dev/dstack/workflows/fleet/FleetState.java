package dev.dstack.workflows.fleet;

/** All that a fleet remembers; its argument when it continues as new. */
public record FleetState(long revision) {}
