package dev.dstack.db;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The checked-in jOOQ classes are those of the migrations. After a new migration: {@code mvn -pl db
 * test -Dtest=GeneratedCodeTest -Ddstack.regenerate=true}.
 */
class GeneratedCodeTest {
  private static final Path CHECKED_IN = Path.of("src/main/java");

  @Test
  void matchesTheMigrations(@TempDir Path fresh) throws Exception {
    DatabaseUrl url = TestDatabase.migrated();
    if (Boolean.getBoolean("dstack.regenerate")) {
      JooqCode.generate(url, CHECKED_IN);
    }
    JooqCode.generate(url, fresh);
    assertThat(files(fresh))
        .as("regenerate with -Ddstack.regenerate=true")
        .isEqualTo(files(CHECKED_IN));
  }

  private static Map<String, String> files(Path root) throws IOException {
    Path generated = root.resolve(JooqCode.PACKAGE.replace('.', '/'));
    Map<String, String> contents = new TreeMap<>();
    try (Stream<Path> paths = Files.walk(generated)) {
      for (Path path : (Iterable<Path>) paths.filter(Files::isRegularFile)::iterator) {
        contents.put(generated.relativize(path).toString(), Files.readString(path));
      }
    }
    return contents;
  }
}
