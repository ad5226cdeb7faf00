package dev.dstack.model.wire.volume;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import dev.dstack.model.wire.configuration.VolumeConfiguration;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

public record Volume(
    UUID id,
    String name,
    String user,
    String projectName,
    VolumeConfiguration configuration,
    boolean external,
    Instant createdAt,
    Instant lastProcessedAt,
    VolumeStatus status,
    @Nullable String statusMessage,
    boolean deleted,
    @Nullable Instant deletedAt,
    @Nullable String volumeId,
    @Nullable VolumeProvisioningData provisioningData,
    @Default("0") double cost,
    @Nullable List<VolumeAttachment> attachments,
    @Nullable VolumeAttachmentData attachmentData) {
  public Volume {
    attachments = Frozen.listOrNull(attachments);
  }
}
