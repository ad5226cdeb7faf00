package dev.dstack.workflows.instance;

/** All that an instance remembers; its argument when it continues as new. */
public record InstanceState(long revision) {}
