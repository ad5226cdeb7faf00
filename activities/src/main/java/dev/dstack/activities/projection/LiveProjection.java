package dev.dstack.activities.projection;

import dev.dstack.db.views.ViewWriter;
import dev.dstack.model.agent.PullProgress;
import dev.dstack.model.agent.TaskInfo;
import dev.dstack.model.agent.TaskStatus;
import dev.dstack.model.ids.JobId;
import java.time.Instant;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Shows of one watched task what changes too often for a history. Nothing is decided from it, so
 * what can't be written now is left to the next time.
 */
public final class LiveProjection {
  private static final Logger LOG = LoggerFactory.getLogger(LiveProjection.class);

  private final ViewWriter writer;
  private final JobId job;
  private @Nullable PullProgress pull;
  private @Nullable Instant unusedSince;

  public LiveProjection(ViewWriter writer, JobId job) {
    this.writer = writer;
    this.job = job;
  }

  public void show(TaskInfo info) {
    PullProgress nextPull = info.status() == TaskStatus.PULLING ? info.pull() : null;
    Instant nextUnused = info.status() == TaskStatus.RUNNING ? info.unusedSince() : null;
    boolean same = Objects.equals(pull, nextPull) && Objects.equals(unusedSince, nextUnused);
    if (same) {
      return;
    }
    try {
      writer.writeJobLive(job, nextPull, nextUnused);
      pull = nextPull;
      unusedSince = nextUnused;
    } catch (RuntimeException e) {
      LOG.debug("Job {}: its progress could not be shown", job, e);
    }
  }
}
