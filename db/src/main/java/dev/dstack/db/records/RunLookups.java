package dev.dstack.db.records;

import static dev.dstack.db.jooq.generated.records.Tables.RUN_SUBMISSION;
import static dev.dstack.db.jooq.generated.views.Tables.JOB_VIEW;

import dev.dstack.db.Database;
import dev.dstack.db.crypto.Encryption;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.json.Json;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jooq.impl.DSL;

/** What lists and logs ask about runs beside the runs themselves. */
public final class RunLookups {
  private final Database database;
  private final Encryption encryption;

  public RunLookups(Database database, Encryption encryption) {
    this.database = database;
    this.encryption = encryption;
  }

  public record JobPlace(ProjectId project, RunId run, String runName, boolean finished) {}

  /** What was kept apart from their specifications; runs without secrets are left out. */
  public Map<RunId, RunPrivate> secretsOf(Collection<RunId> runs) {
    if (runs.isEmpty()) {
      return Map.of();
    }
    UUID[] ids = runs.stream().map(RunId::value).toArray(UUID[]::new);
    Map<RunId, RunPrivate> secrets = new HashMap<>();
    database
        .read(
            dsl ->
                dsl.select(RUN_SUBMISSION.ID, RUN_SUBMISSION.PRIVATE_ENCRYPTED)
                    .from(RUN_SUBMISSION)
                    .where(RUN_SUBMISSION.ID.eq(DSL.any(DSL.val(ids))))
                    .and(RUN_SUBMISSION.PRIVATE_ENCRYPTED.isNotNull())
                    .fetch())
        .forEach(
            row ->
                secrets.put(
                    new RunId(row.value1()),
                    Json.lenient().readValue(encryption.decrypt(row.value2()), RunPrivate.class)));
    return secrets;
  }

  /** Where a job belongs, also when its run has been deleted. */
  public Optional<JobPlace> job(JobId job) {
    return database.read(
        dsl ->
            dsl.select(
                    JOB_VIEW.PROJECT_ID,
                    JOB_VIEW.RUN_ID,
                    RUN_SUBMISSION.RUN_NAME,
                    JOB_VIEW.FINISHED_AT)
                .from(JOB_VIEW)
                .join(RUN_SUBMISSION)
                .on(RUN_SUBMISSION.ID.eq(JOB_VIEW.RUN_ID))
                .where(JOB_VIEW.ID.eq(job.value()))
                .fetchOptional(
                    row ->
                        new JobPlace(
                            new ProjectId(row.value1()),
                            new RunId(row.value2()),
                            row.value3(),
                            row.value4() != null)));
  }
}
