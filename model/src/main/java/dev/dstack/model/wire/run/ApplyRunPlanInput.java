package dev.dstack.model.wire.run;

import org.jspecify.annotations.Nullable;

public record ApplyRunPlanInput(RunSpec runSpec, @Nullable Run currentResource) {}
