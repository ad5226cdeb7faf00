package dev.dstack.db.records;

import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.ProjectId;
import java.time.Instant;

/**
 * A fleet as wished.
 *
 * @param revision grows with each change of the plan
 * @param started whether its workflow has heard of an earlier revision
 */
public record FleetRecord(
    FleetId id,
    ProjectId projectId,
    String project,
    String name,
    String specJson,
    String planJson,
    int revision,
    boolean started,
    boolean deleteRequested,
    Instant createdAt) {}
