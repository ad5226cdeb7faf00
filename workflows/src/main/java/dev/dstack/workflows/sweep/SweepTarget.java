package dev.dstack.workflows.sweep;

import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.offer.BackendType;

/** Where to look, and with whose credentials. */
public record SweepTarget(ProjectId project, BackendType backend, String region) {}
