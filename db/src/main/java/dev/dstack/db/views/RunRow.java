package dev.dstack.db.views;

import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.ids.UserId;
import dev.dstack.model.run.RunStatus;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An accepted run with what its workflow shows.
 *
 * @param specJson dstack's RunSpec, redacted
 * @param view absent until its workflow has shown something
 * @param jobs by replica, node, and submission (oldest first)
 * @param cost dollars so far, of all jobs
 */
public record RunRow(
    RunId id,
    ProjectId projectId,
    String project,
    UserId userId,
    String user,
    String runName,
    String specJson,
    Instant submittedAt,
    int priority,
    int deploymentNum,
    @Nullable Instant finishedAt,
    @Nullable Instant deletedAt,
    @Nullable RunViewRow view,
    List<JobViewRow> jobs,
    double cost) {
  public RunRow {
    jobs = List.copyOf(jobs);
  }

  /** An accepted run is submitted, whether or not its workflow has started. */
  public RunStatus status() {
    return view == null ? RunStatus.SUBMITTED : view.status();
  }

  public Instant lastProcessedAt() {
    return view == null ? submittedAt : view.at();
  }
}
