package dev.dstack.model.wire.volume;

import org.jspecify.annotations.Nullable;

public record VolumeAttachment(
    VolumeInstance instance, @Nullable VolumeAttachmentData attachmentData) {}
