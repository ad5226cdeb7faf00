package dev.dstack.e2e.harness;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Run files for people to copy: those of examples/, and blocks of YAML in the documentation. */
public final class Examples {
  private static final String COMPLETE = "<!-- example -->";
  private static final String PARTIAL = "<!-- no example: ";
  private static final String FILE = "# examples/";

  private Examples() {}

  /**
   * A block of YAML in a page.
   *
   * @param complete it is marked as a whole run file
   * @param reason why it is none, where the page says so
   */
  public record Block(
      String page, int line, boolean complete, @Nullable String reason, String text) {
    public String place() {
      return "docs/" + page + ":" + line;
    }

    /** The file of examples/ that it shows, by its first line. */
    public @Nullable String file() {
      String first = text.lines().findFirst().orElse("");
      return first.startsWith(FILE) ? first.substring(FILE.length()) : null;
    }

    /** The run's name. */
    public String name() {
      return text.lines()
          .filter(line -> line.startsWith("name: "))
          .map(line -> line.substring("name: ".length()).strip())
          .findFirst()
          .orElse("");
    }

    /** The same but for the comment at the top. */
    public boolean isAsIn(String file) throws IOException {
      return body(text).equals(body(Files.readString(directory().resolve(file))));
    }

    private static String body(String text) {
      return text.lines()
          .dropWhile(line -> line.startsWith("#"))
          .collect(Collectors.joining("\n"))
          .strip();
    }
  }

  public static Path directory() {
    return Repository.root().resolve("examples");
  }

  /** All configurations of examples/, as paths below it. */
  public static Set<String> files() throws IOException {
    try (Stream<Path> walk = Files.walk(directory())) {
      return walk.filter(Files::isRegularFile)
          .map(file -> directory().relativize(file).toString())
          .filter(name -> name.matches(".*\\.(yml|yaml)"))
          .collect(Collectors.toCollection(TreeSet::new));
    }
  }

  /** The source of a test. */
  public static String source(Class<?> test) throws IOException {
    return Files.readString(
        Repository.root()
            .resolve("infra/e2e/src/test/java")
            .resolve(test.getName().replace('.', '/') + ".java"));
  }

  public static List<Block> blocks(String page) throws IOException {
    List<String> lines = Files.readAllLines(Repository.root().resolve("docs").resolve(page));
    List<Block> blocks = new ArrayList<>();
    for (int i = 0; i < lines.size(); i++) {
      if (!lines.get(i).strip().equals("```yaml")) {
        continue;
      }
      String before = i == 0 ? "" : lines.get(i - 1).strip();
      int end = i + 1;
      while (!lines.get(end).strip().equals("```")) {
        end++;
      }
      blocks.add(
          new Block(
              page,
              i + 1,
              before.equals(COMPLETE),
              before.startsWith(PARTIAL)
                  ? before.substring(PARTIAL.length(), before.indexOf(" -->"))
                  : null,
              String.join("\n", lines.subList(i + 1, end)) + "\n"));
      i = end;
    }
    return blocks;
  }
}
