package dev.dstack.cli.run;

import dev.dstack.cli.data.Doc;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Finding a job of a run. */
public final class Jobs {
  private Jobs() {}

  /**
   * @param replica null: the first one that runs, else the first one
   * @return null in a Doc where there is none
   */
  public static Doc find(Doc run, @Nullable Integer replica, int number) {
    List<Doc> jobs =
        run.get("jobs").items().stream()
            .filter(job -> job.at("job_spec", "job_num").integer(0) == number)
            .filter(job -> replica == null || replica(job) == replica)
            .sorted(Comparator.comparingLong(Jobs::replica))
            .toList();
    for (Doc job : jobs) {
      if (job.get("job_submissions").last().get("status").is("running")) {
        return job;
      }
    }
    return jobs.isEmpty() ? Doc.NULL : jobs.getFirst();
  }

  public static boolean isFinal(Doc submission) {
    return switch (submission.get("status").text("")) {
      case "terminated", "aborted", "failed", "done" -> true;
      default -> false;
    };
  }

  /** It won't run any more, or has ended. */
  public static boolean isEnding(Doc submission) {
    return submission.get("status").is("terminating") || isFinal(submission);
  }

  private static long replica(Doc job) {
    return job.at("job_spec", "replica_num").integer(0);
  }
}
