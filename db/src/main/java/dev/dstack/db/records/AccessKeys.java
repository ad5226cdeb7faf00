package dev.dstack.db.records;

import static dev.dstack.db.jooq.generated.records.Tables.PROJECT;
import static dev.dstack.db.jooq.generated.records.Tables.USER_ACCOUNT;
import static dev.dstack.db.jooq.generated.records.Tables.USER_PUBLIC_KEY;

import dev.dstack.db.Database;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.UserId;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/** The public SSH keys that open the jobs of a user in a project. */
public final class AccessKeys {
  private final Database database;

  public AccessKeys(Database database) {
    this.database = database;
  }

  /** The user's own, those the user has added, and the project's; each once. */
  public List<String> of(ProjectId project, UserId user) {
    List<String> found =
        database.read(
            dsl ->
                dsl.select(USER_ACCOUNT.SSH_PUBLIC_KEY)
                    .from(USER_ACCOUNT)
                    .where(USER_ACCOUNT.ID.eq(user.value()))
                    .unionAll(
                        dsl.select(USER_PUBLIC_KEY.KEY)
                            .from(USER_PUBLIC_KEY)
                            .where(USER_PUBLIC_KEY.USER_ID.eq(user.value())))
                    .unionAll(
                        dsl.select(PROJECT.SSH_PUBLIC_KEY)
                            .from(PROJECT)
                            .where(PROJECT.ID.eq(project.value())))
                    .fetch(row -> row.value1()));
    Set<String> keys = new LinkedHashSet<>();
    found.stream().filter(Objects::nonNull).map(String::strip).forEach(keys::add);
    keys.remove("");
    return List.copyOf(keys);
  }
}
