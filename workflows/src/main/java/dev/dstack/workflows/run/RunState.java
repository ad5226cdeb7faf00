package dev.dstack.workflows.run;

import dev.dstack.model.run.RunStatus;

/** All that a run remembers; its argument when it continues as new. */
public record RunState(long revision, RunStatus status) {}
