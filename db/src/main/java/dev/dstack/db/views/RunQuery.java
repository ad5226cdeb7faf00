package dev.dstack.db.views;

import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.ids.UserId;
import java.time.Instant;
import java.util.Collection;
import org.jspecify.annotations.Nullable;

/**
 * Which runs to list, newest first unless ascending.
 *
 * @param projects absent: all
 * @param jobSubmissionsLimit of each job, the latest; absent: all
 * @param prevSubmittedAt the last of the page before
 * @param prevRunId breaks ties of that instant
 */
public record RunQuery(
    @Nullable Collection<ProjectId> projects,
    @Nullable UserId user,
    @Nullable String repoId,
    boolean onlyActive,
    boolean includeJobs,
    @Nullable Integer jobSubmissionsLimit,
    @Nullable Instant prevSubmittedAt,
    @Nullable RunId prevRunId,
    int limit,
    boolean ascending) {}
