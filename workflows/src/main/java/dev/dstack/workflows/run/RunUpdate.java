package dev.dstack.workflows.run;

import dev.dstack.model.ids.RunId;

/** What may change while a run lives. */
public record RunUpdate(RunId run, int priority, int deploymentNum) {}
