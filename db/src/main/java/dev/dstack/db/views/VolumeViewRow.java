package dev.dstack.db.views;

import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.VolumeId;
import dev.dstack.model.wire.volume.VolumeStatus;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What a volume's workflow shows.
 *
 * @param attachmentsJson a list of {@code VolumeView.Attachment}
 */
public record VolumeViewRow(
    VolumeId id,
    ProjectId project,
    String name,
    long revision,
    VolumeStatus status,
    @Nullable String statusMessage,
    @Nullable String providerId,
    @Nullable Integer sizeGb,
    @Nullable String availabilityZone,
    @Nullable Double price,
    String attachmentsJson,
    Instant createdAt,
    Instant at,
    @Nullable Instant deletedAt) {}
