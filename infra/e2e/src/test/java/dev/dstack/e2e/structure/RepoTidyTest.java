package dev.dstack.e2e.structure;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.e2e.harness.Command;
import dev.dstack.e2e.harness.Repository;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The repository holds to its own rules. */
final class RepoTidyTest {
  private static final int LINE = 120;
  private static final Pattern LINK = Pattern.compile("\\]\\(([^)#\\s]+)(#[^)]*)?\\)");
  private static final Pattern MODULE = Pattern.compile("<module>([^<]+)</module>");

  // Written in two halves, so that this file does not find itself.
  private static final List<String> UNFINISHED = List.of("TO" + "DO", "FIX" + "ME", "XX" + "X:");
  private static final Pattern OF_ONE_MACHINE = Pattern.compile("(?<![\\w.$}~/:])/root/");

  private static List<Path> files;

  @BeforeAll
  static void list() {
    files =
        new Command(List.of("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"))
                .in(Repository.root())
                .run()
                .ok()
                .out()
                .transform(out -> List.of(out.split("\0")))
                .stream()
                .map(name -> Repository.root().resolve(name))
                .filter(Files::isRegularFile)
                .toList();
    assertThat(files).hasSizeGreaterThan(50);
  }

  @Test
  void linesOfJavaFitTheScreen() {
    check(
        java(),
        (file, number, line) ->
            line.length() > LINE && !line.contains("http")
                ? "has " + line.length() + " characters"
                : null);
  }

  @Test
  void noTabsInJava() {
    check(java(), (file, number, line) -> line.contains("\t") ? "has a tab" : null);
  }

  @Test
  void nothingIsLeftToDo() {
    check(
        text(),
        (file, number, line) ->
            UNFINISHED.stream().anyMatch(line::contains)
                ? "says that something is unfinished"
                : null);
  }

  @Test
  void noPathsOfOneMachine() {
    check(
        text().stream().filter(file -> !file.endsWith("RepoTidyTest.java")).toList(),
        (file, number, line) ->
            OF_ONE_MACHINE.matcher(line).find()
                ? "names a path of a machine: " + line.strip()
                : null);
  }

  @Test
  void everyTextEndsWithALineEndAndOnlyOne() {
    List<String> wrong = new ArrayList<>();
    for (Path file : text()) {
      if (file.toString().endsWith(".json")) {
        continue;
      }
      String content = read(file);
      if (!content.isEmpty() && (!content.endsWith("\n") || content.endsWith("\n\n"))) {
        wrong.add(shown(file));
      }
    }
    assertThat(wrong).as("files without one line end at their end").isEmpty();
  }

  @Test
  void noLineEndsWithBlanksInJavaAndXml() {
    check(
        text().stream()
            .filter(file -> file.toString().matches(".*\\.(java|xml|yml|yaml|sql|py|sh)"))
            .toList(),
        (file, number, line) -> line.endsWith(" ") ? "ends with a blank" : null);
  }

  @Test
  void everyPackageHasItsInfo() {
    Set<Path> without = new TreeSet<>();
    for (Path file : java()) {
      Path directory = file.getParent();
      // A single file that the build runs as a script is in no package.
      if (!file.toString().contains("/jooq/")
          && !file.toString().contains("/src/main/scripts/")
          && !Files.exists(directory.resolve("package-info.java"))
          && !existsInMain(directory)) {
        without.add(Repository.root().relativize(directory));
      }
    }
    assertThat(without).as("packages without package-info.java").isEmpty();
  }

  /** A test in the package of what it tests needs no second one. */
  private static boolean existsInMain(Path directory) {
    Path main = Path.of(directory.toString().replace("/src/test/java/", "/src/main/java/"));
    return Files.exists(main.resolve("package-info.java"));
  }

  @Test
  void everyPageOfTheDocumentationIsReachable() {
    Set<Path> reached = new TreeSet<>();
    Deque<Path> open = new ArrayDeque<>();
    open.add(Repository.root().resolve("README.md"));
    List<String> dead = new ArrayList<>();
    while (!open.isEmpty()) {
      Path page = open.poll();
      if (!reached.add(page)) {
        continue;
      }
      Matcher links = LINK.matcher(read(page));
      while (links.find()) {
        String link = links.group(1);
        if (link.matches("[a-z]+:.*")) {
          continue;
        }
        Path target = page.resolveSibling(link).normalize();
        if (!Files.exists(target)) {
          dead.add(shown(page) + " → " + link);
        } else if (target.toString().endsWith(".md")) {
          open.add(target);
        } else if (Files.isDirectory(target) && Files.exists(target.resolve("README.md"))) {
          open.add(target.resolve("README.md"));
        }
      }
    }
    assertThat(dead).as("links to files that are not there").isEmpty();
    Path docs = Repository.root().resolve("docs");
    assertThat(
            files.stream()
                .filter(file -> file.startsWith(docs) && file.toString().endsWith(".md"))
                .filter(file -> !reached.contains(file))
                .map(RepoTidyTest::shown))
        .as("pages that no page leads to")
        .isEmpty();
  }

  @Test
  void modulesAreListedInOrder() {
    Matcher modules = MODULE.matcher(read(Repository.root().resolve("pom.xml")));
    List<String> listed = new ArrayList<>();
    while (modules.find()) {
      listed.add(modules.group(1));
    }
    assertThat(listed).isSorted();
    for (Path file : files) {
      if (file.endsWith("pom.xml") && !file.getParent().equals(Repository.root())) {
        assertThat(listed).contains(Repository.root().relativize(file.getParent()).toString());
      }
    }
  }

  @Test
  void testsDoNotSleep() {
    String forbidden = "Thread." + "sleep";
    check(
        java().stream().filter(file -> file.toString().contains("/src/test/")).toList(),
        (file, number, line) -> line.contains(forbidden) ? "sleeps; wait on a condition" : null);
  }

  @Test
  void noFileIsLargeWithoutNeed() throws IOException {
    List<String> large = new ArrayList<>();
    for (Path file : files) {
      if (Files.size(file) > 1_000_000) {
        large.add(shown(file) + " " + Files.size(file));
      }
    }
    assertThat(large).as("files over 1 MB").isEmpty();
  }

  private interface LineCheck {
    String problem(Path file, int number, String line);
  }

  private static void check(List<Path> of, LineCheck check) {
    List<String> problems = new ArrayList<>();
    for (Path file : of) {
      int number = 0;
      for (String line : read(file).split("\n", -1)) {
        number++;
        String problem = check.problem(file, number, line);
        if (problem != null) {
          problems.add(shown(file) + ":" + number + " " + problem);
        }
      }
    }
    assertThat(problems).isEmpty();
  }

  private static List<Path> java() {
    return files.stream()
        .filter(file -> file.toString().endsWith(".java"))
        .filter(file -> !file.toString().contains("/jooq/generated/"))
        .toList();
  }

  private static List<Path> text() {
    return files.stream()
        .filter(
            file ->
                file.toString()
                        .matches(
                            ".*\\.(java|xml|md|yml|yaml|sql|py|sh|txt|properties|html|css|js|json)")
                    || !file.getFileName().toString().contains("."))
        .filter(file -> !file.toString().contains("/jooq/generated/"))
        .filter(file -> !file.toString().contains("/histories/"))
        .toList();
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (CharacterCodingException e) {
      return "";
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private static String shown(Path file) {
    return Repository.root().relativize(file).toString();
  }
}
