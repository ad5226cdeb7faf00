package dev.dstack.api.run;

import dev.dstack.db.views.JobViewRow;
import dev.dstack.model.json.Json;
import dev.dstack.model.wire.run.JobSpec;
import dev.dstack.model.wire.run.JobSubmission;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.io.SerializedString;

/**
 * Submissions of jobs as they were shown last, with their JSON. Who lists runs asks again for what
 * has not changed since, and reading placements and writing JSON was almost half the work of a
 * page. What is kept counts only for a row that is equal in everything, so nothing has to be made
 * to forget.
 */
final class ShownSubmissions {
  private final Map<UUID, Shown> latest;

  /**
   * @param limit how many are kept, those used last
   */
  ShownSubmissions(int limit) {
    latest =
        new LinkedHashMap<>(16, 0.75f, true) {
          private static final long serialVersionUID = 1;

          @Override
          protected boolean removeEldestEntry(Map.Entry<UUID, Shown> eldest) {
            return size() > limit;
          }
        };
  }

  private static final class Shown {
    private final JobViewRow row;
    private final JobSpec spec;
    private final JobSubmission submission;
    private volatile @Nullable SerializedString json;

    private Shown(JobViewRow row, JobSpec spec, JobSubmission submission) {
      this.row = row;
      this.spec = spec;
      this.submission = submission;
    }
  }

  /**
   * @param made from the row and the spec, and from nothing else but the time in {@code
   *     inactivitySecs}
   */
  JobSubmission of(JobViewRow row, JobSpec spec, Supplier<JobSubmission> made) {
    Shown before = latest(row.id().value());
    if (before != null && before.spec == spec && before.row.equals(row)) {
      return before.submission;
    }
    JobSubmission submission = made.get();
    // How long nobody has been there is another number each second.
    if (submission.inactivitySecs() == null) {
      synchronized (latest) {
        latest.put(submission.id(), new Shown(row, spec, submission));
      }
    }
    return submission;
  }

  SerializedString json(JobSubmission submission) {
    Shown shown = latest(submission.id());
    if (shown == null || shown.submission != submission) {
      return written(submission);
    }
    SerializedString known = shown.json;
    if (known == null) {
      known = written(submission);
      shown.json = known;
    }
    return known;
  }

  private @Nullable Shown latest(UUID job) {
    synchronized (latest) {
      return latest.get(job);
    }
  }

  private static SerializedString written(JobSubmission submission) {
    return new SerializedString(Json.lenient().writeValueAsString(submission));
  }
}
