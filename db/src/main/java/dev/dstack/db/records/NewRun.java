package dev.dstack.db.records;

import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.ids.UserId;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A run to be accepted.
 *
 * @param specJson dstack's RunSpec, redacted: names of variables without values, no registry
 *     password
 * @param planJson the workflow's plan
 */
public record NewRun(
    RunId id,
    ProjectId project,
    UserId user,
    String runName,
    @Nullable String repoId,
    String specJson,
    RunPrivate secrets,
    String planJson,
    int priority,
    Instant submittedAt) {}
