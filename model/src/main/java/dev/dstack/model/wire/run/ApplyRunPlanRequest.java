package dev.dstack.model.wire.run;

public record ApplyRunPlanRequest(ApplyRunPlanInput plan, boolean force) {}
