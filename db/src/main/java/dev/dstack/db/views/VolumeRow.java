package dev.dstack.db.views;

import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.VolumeId;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A volume as wished and as it is.
 *
 * @param view absent: its workflow has not shown anything yet
 */
public record VolumeRow(
    VolumeId id,
    ProjectId projectId,
    String project,
    String user,
    String name,
    String configurationJson,
    String planJson,
    Instant createdAt,
    boolean deleteRequested,
    @Nullable Instant deletedAt,
    @Nullable VolumeViewRow view) {}
