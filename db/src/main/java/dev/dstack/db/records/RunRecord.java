package dev.dstack.db.records;

import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.ids.UserId;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** An accepted run with the names its workflow needs. */
public record RunRecord(
    RunId id,
    ProjectId projectId,
    String project,
    UserId userId,
    String user,
    String runName,
    String specJson,
    String planJson,
    int priority,
    int deploymentNum,
    Instant submittedAt,
    @Nullable Instant finishedAt) {}
