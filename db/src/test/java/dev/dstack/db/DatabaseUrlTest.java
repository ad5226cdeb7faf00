package dev.dstack.db;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DatabaseUrlTest {
  @ParameterizedTest
  @CsvSource({
    "postgresql+asyncpg://u:p@db:5433/dstack, jdbc:postgresql://db:5433/dstack, u, p",
    "postgres://u@db/dstack, jdbc:postgresql://db/dstack, u,",
    "postgresql://u:a%40b%2Fc+d@db/d, jdbc:postgresql://db/d, u, a@b/c+d",
    "postgresql://u:p@h1:1/d?ssl=require, jdbc:postgresql://h1:1/d?sslmode=require, u, p",
    "'postgresql://u:p@h1:1,h2:2/d', 'jdbc:postgresql://h1:1,h2:2/d', u, p",
    "jdbc:postgresql://db/d?user=u, jdbc:postgresql://db/d?user=u,,",
  })
  void reads(String url, String jdbc, String user, String password) {
    assertThat(DatabaseUrl.parse(url)).isEqualTo(new DatabaseUrl(jdbc, user, password));
  }

  @ParameterizedTest
  @CsvSource({
    "sqlite+aiosqlite:////root/.dstack/server/data/sqlite.db, SQLite is not supported",
    "mysql://u:hunter2@db/d, scheme 'mysql' is unknown",
    "localhost, it has no scheme",
    "postgresql://db, names no database",
    "postgresql:///d, names no host",
    "postgresql://u:hunter2 @db/d, percent-encoded",
    "'', it is empty",
  })
  void refuses(String url, String why) {
    assertThatThrownBy(() -> DatabaseUrl.parse(url))
        .isInstanceOfSatisfying(
            DstackException.class, e -> assertThat(e.kind()).isEqualTo(ErrorKind.INVALID_SPEC))
        .hasMessageContaining("DSTACK_DATABASE_URL")
        .hasMessageContaining(why)
        .hasMessageNotContaining("hunter2");
  }

  @Test
  void showsNoPassword() {
    assertThat(DatabaseUrl.parse("postgresql://u:hunter2@db/d").toString())
        .doesNotContain("hunter2");
    assertThat(DatabaseUrl.parse("jdbc:postgresql://db/d?password=hunter2").toString())
        .doesNotContain("hunter2");
  }
}
