package dev.dstack.api.log;

import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.RunId;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Reads the stored logs of jobs; the composition root connects it to the store that workers fill.
 */
public interface LogReader {
  Page read(Query query);

  /** Returns when the log may have grown, or when the time is over. May return early. */
  void awaitMore(Query query, Duration atMost);

  /** Where a person can see the log at its provider. */
  default Optional<String> externalUrl(Query query) {
    return Optional.empty();
  }

  /**
   * @param runnerLog what the agent says about the job instead of what the job says
   * @param after only what was written later
   * @param before only what was written earlier
   * @param token where a page ended
   */
  record Query(
      ProjectId projectId,
      String project,
      RunId run,
      String runName,
      JobId job,
      boolean runnerLog,
      @Nullable Instant after,
      @Nullable Instant before,
      boolean descending,
      @Nullable String token,
      int limit) {}

  /**
   * @param end where this page ends, for the next query; absent when nothing has been written yet
   * @param more whether there is more now
   */
  record Page(List<Line> lines, @Nullable String end, boolean more) {
    public Page {
      lines = List.copyOf(lines);
    }
  }

  /**
   * @param bytes as the job wrote them
   */
  record Line(Instant at, boolean stderr, byte[] bytes) {}
}
