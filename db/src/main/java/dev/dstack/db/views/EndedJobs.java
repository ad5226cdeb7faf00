package dev.dstack.db.views;

import static dev.dstack.db.jooq.generated.views.Tables.JOB_VIEW;

import dev.dstack.db.Database;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.job.JobStatus;
import java.util.Collection;
import java.util.List;
import java.util.Map;

/** Which jobs are over for certain. A view may lag, but an end that it shows is final. */
public final class EndedJobs {
  private static final List<String> FINAL = JobStatus.FINAL.stream().map(JobStatus::wire).toList();

  private EndedJobs() {}

  /** Their names. One that no view knows of is not among them: it may be of another server. */
  public static Map<JobId, String> among(Database database, Collection<JobId> jobs) {
    return database.read(
        dsl ->
            dsl.select(JOB_VIEW.ID, JOB_VIEW.JOB_NAME)
                .from(JOB_VIEW)
                .where(JOB_VIEW.ID.in(jobs.stream().map(JobId::value).toList()))
                .and(JOB_VIEW.STATUS.in(FINAL))
                .fetchMap(row -> new JobId(row.value1()), row -> row.value2()));
  }
}
