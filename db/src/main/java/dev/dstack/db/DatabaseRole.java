package dev.dstack.db;

import org.jspecify.annotations.Nullable;

/**
 * As whom a pool works. The login is the same for all; each connection takes its role first thing,
 * so PostgreSQL itself refuses the API when it writes a view.
 */
public enum DatabaseRole {
  /** Reads views, writes records. */
  API("dstack_api"),
  /** Writes views and the few records that say what became of a wish; reads records. */
  WORKER("dstack_worker"),
  /** Owns the tables; for migrations and administration. */
  OWNER(null);

  private final @Nullable String sqlName;

  DatabaseRole(@Nullable String sqlName) {
    this.sqlName = sqlName;
  }

  /** Absent: the login itself. */
  public @Nullable String sqlName() {
    return sqlName;
  }
}
