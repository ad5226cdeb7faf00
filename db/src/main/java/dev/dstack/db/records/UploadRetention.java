package dev.dstack.db.records;

import static dev.dstack.db.jooq.generated.records.Tables.CODE_BLOB;
import static dev.dstack.db.jooq.generated.records.Tables.FILE_ARCHIVE;

import dev.dstack.db.Clean;
import dev.dstack.db.Database;
import java.time.Instant;
import java.util.List;
import org.jooq.Condition;
import org.jooq.Field;
import org.jooq.Table;
import org.jooq.impl.DSL;

/**
 * Which uploads go: archives of files and diffs of repositories that no run needs any more, which
 * is every run that was not deleted, and that nobody has asked for since a time. Whoever submits a
 * run asks for its uploads first, so one that is about to be used again stays.
 */
public final class UploadRetention {
  private static final int PIECE = 200;

  /** So much in one pass; the rest is the next one's. */
  private static final int PIECES = 50;

  private static final Condition ARCHIVE_OF_NO_RUN =
      DSL.condition(
          """
          not exists (
            select 1 from records.run_submission run,
              lateral jsonb_array_elements(
                case jsonb_typeof(run.spec -> 'file_archives')
                  when 'array' then run.spec -> 'file_archives' else '[]'::jsonb end) needed
            where run.deleted_at is null and needed ->> 'id' = records.file_archive.id::text)
          """);

  private static final Condition DIFF_OF_NO_RUN =
      DSL.condition(
          """
          not exists (
            select 1 from records.run_submission run
            join records.repo of_run on of_run.project_id = run.project_id
              and of_run.repo_id = run.spec ->> 'repo_id'
            where run.deleted_at is null and of_run.id = records.code_blob.repo
              and run.spec ->> 'repo_code_hash' = records.code_blob.hash)
          """);

  private final Database database;

  public UploadRetention(Database database) {
    this.database = database;
  }

  /** Deletes what is due, or as much of it as one pass may, and says how many that were. */
  public int run(Instant unusedSince) {
    Instant before = Clean.instant(unusedSince);
    Condition archives = FILE_ARCHIVE.USED_AT.lt(before);
    Condition diffs = CODE_BLOB.USED_AT.lt(before);
    return pieces(FILE_ARCHIVE, List.of(FILE_ARCHIVE.ID), archives, ARCHIVE_OF_NO_RUN)
        + pieces(CODE_BLOB, List.of(CODE_BLOB.REPO, CODE_BLOB.HASH), diffs, DIFF_OF_NO_RUN);
  }

  private int pieces(Table<?> table, List<Field<?>> key, Condition unused, Condition ofNoRun) {
    int deleted = 0;
    for (int i = 0; i < PIECES; i++) {
      int piece =
          database.read(
              dsl ->
                  dsl.deleteFrom(table)
                      .where(
                          DSL.row(key)
                              .in(dsl.select(key).from(table).where(unused, ofNoRun).limit(PIECE)))
                      // Looked at again under the row's lock: somebody may have asked for it.
                      .and(unused)
                      .execute());
      deleted += piece;
      if (piece < PIECE) {
        break;
      }
    }
    return deleted;
  }
}
