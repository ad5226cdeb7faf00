package dev.dstack.db.records;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.db.Fixture;
import dev.dstack.db.crypto.Encryption;
import dev.dstack.db.crypto.EncryptionKey;
import dev.dstack.model.ids.ProjectId;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class UploadRetentionTest {
  private static final byte[] BLOB = {1, 2, 3};

  private Fixture fixture;
  private FileStore files;
  private RepoStore repos;
  private UploadRetention retention;

  @BeforeEach
  void open() {
    fixture = new Fixture();
    Encryption encryption = Encryption.of(List.of(new EncryptionKey.Aes("test", new byte[32])));
    files = new FileStore(fixture.api);
    repos = new RepoStore(fixture.api, encryption);
    retention = new UploadRetention(fixture.worker);
  }

  @AfterEach
  void close() {
    fixture.close();
  }

  @Test
  void whatARetainedRunNeedsStays() {
    UUID ofRun = files.save(fixture.user, "run", BLOB, Fixture.START);
    UUID ofEnded = files.save(fixture.user, "ended", BLOB, Fixture.START);
    UUID ofDeleted = files.save(fixture.user, "deleted", BLOB, Fixture.START);
    UUID ofNobody = files.save(fixture.user, "nobody", BLOB, Fixture.START);
    ProjectId other = fixture.project("other");
    for (ProjectId project : List.of(fixture.project, other)) {
      repo(project);
      for (String hash : List.of("diff", "nobody")) {
        assertThat(repos.saveCode(project, "r", hash, BLOB, Fixture.START)).isTrue();
      }
    }
    run(ofRun, "diff", false, false);
    run(ofEnded, null, true, false);
    run(ofDeleted, "nobody", true, true);
    // A run without either says nothing of them.
    run("{\"configuration\": {\"type\": \"task\"}}", false, false);
    unusedFor("2 days");

    assertThat(retention.run(now().minus(Duration.ofDays(1)))).isEqualTo(2 + 3);
    assertThat(files.owned(fixture.user, List.of(ofRun, ofEnded, ofDeleted, ofNobody)))
        .isEqualTo(Set.of(ofRun, ofEnded));
    assertThat(repos.hasCode(fixture.project, "r", "diff")).isTrue();
    assertThat(repos.hasCode(fixture.project, "r", "nobody")).isFalse();
    assertThat(repos.hasCode(other, "r", "diff")).isFalse();
    assertThat(retention.run(now().minus(Duration.ofDays(1)))).isZero();
  }

  @Test
  void whatIsAskedForIsAboutToBeUsed() {
    UUID fresh = files.save(fixture.user, "fresh", BLOB, Fixture.START);
    assertThat(retention.run(now().minus(Duration.ofDays(1)))).isZero();
    repo(fixture.project);
    repos.saveCode(fixture.project, "r", "diff", BLOB, Fixture.START);
    unusedFor("2 days");
    assertThat(files.byHash(fixture.user, "fresh")).contains(fresh);
    assertThat(repos.hasCode(fixture.project, "r", "diff")).isTrue();
    assertThat(retention.run(now().minus(Duration.ofDays(1)))).isZero();
    unusedFor("2 days");
    assertThat(files.owned(fixture.user, List.of(fresh))).containsExactly(fresh);
    assertThat(repos.saveCode(fixture.project, "r", "diff", BLOB, Fixture.START)).isTrue();
    assertThat(retention.run(now().minus(Duration.ofDays(1)))).isZero();
  }

  @Test
  void manyGoInPieces() {
    fixture
        .owner
        .dsl()
        .execute(
            "insert into records.file_archive (id, user_id, hash, blob, created_at, used_at)"
                + " select gen_random_uuid(), ?, n::text, '\\x00', now(), now() - interval '2 days'"
                + " from generate_series(1, 450) n",
            fixture.user.value());
    assertThat(retention.run(now().minus(Duration.ofDays(1)))).isEqualTo(450);
  }

  private Instant now() {
    return Instant.now();
  }

  private void repo(ProjectId project) {
    fixture
        .api
        .dsl()
        .execute(
            "insert into records.repo (id, project_id, repo_id, info, created_at)"
                + " values (gen_random_uuid(), ?, 'r', '{\"repo_type\": \"virtual\"}', now())",
            project.value());
  }

  private void unusedFor(String time) {
    for (String table : List.of("file_archive", "code_blob")) {
      fixture
          .owner
          .dsl()
          .execute("update records." + table + " set used_at = now() - interval '" + time + "'");
    }
  }

  private void run(UUID archive, String diff, boolean ended, boolean deleted) {
    run(
        "{\"file_archives\": [{\"id\": \"%s\", \"path\": \"a\"}], \"repo_id\": \"r\", \"repo_code_hash\": %s}"
            .formatted(archive, diff == null ? "null" : "\"" + diff + "\""),
        ended,
        deleted);
  }

  private void run(String spec, boolean ended, boolean deleted) {
    fixture
        .api
        .dsl()
        .execute(
            "insert into records.run_submission (id, project_id, user_id, run_name, spec, plan,"
                + " submitted_at, finished_at, deleted_at) values (gen_random_uuid(), ?, ?,"
                + " gen_random_uuid()::text, ?::jsonb, '{}', now(), "
                + (ended ? "now()" : "null")
                + ", "
                + (deleted ? "now()" : "null")
                + ")",
            fixture.project.value(),
            fixture.user.value(),
            spec);
  }
}
