package dev.dstack.db.records;

import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.VolumeId;
import java.time.Instant;

/**
 * A volume as wished.
 *
 * @param started whether its workflow has been started
 */
public record VolumeRecord(
    VolumeId id,
    ProjectId projectId,
    String project,
    String name,
    String configurationJson,
    String planJson,
    boolean started,
    boolean deleteRequested,
    Instant createdAt) {}
