package dev.dstack.model.wire.volume;

import org.jspecify.annotations.Nullable;

public record VolumeAttachmentData(@Nullable String deviceName) {}
