package dev.dstack.model.wire.volume;

import org.jspecify.annotations.Nullable;

public record VolumePlan(
    String projectName, String user, VolumeSpec spec, @Nullable Volume currentResource) {}
