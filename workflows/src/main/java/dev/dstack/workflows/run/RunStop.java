package dev.dstack.workflows.run;

import dev.dstack.model.ids.RunId;

/**
 * Somebody wants the run to end.
 *
 * @param run a stop for an earlier run of the same name is dropped
 * @param abort kill at once instead of asking first
 */
public record RunStop(RunId run, boolean abort, String user) {}
