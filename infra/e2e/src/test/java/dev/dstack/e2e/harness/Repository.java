package dev.dstack.e2e.harness;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Where things lie in the checkout, from whatever directory the tests were started in. */
public final class Repository {
  private static final Path ROOT = find();

  private Repository() {}

  public static Path root() {
    return ROOT;
  }

  /** For logs of failed tests and other results; removed by a clean build only. */
  public static Path target() {
    Path target = ROOT.resolve("infra/e2e/target");
    try {
      return Files.createDirectories(target);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public static Path python() {
    return venv().resolve("bin/python");
  }

  public static Path script(String name) {
    return ROOT.resolve("infra/e2e/src/test/python").resolve(name);
  }

  /** The virtual environment with upstream's client and the tools of requirements.txt. */
  public static Path venv() {
    String chosen = System.getenv("E2E_VENV");
    Path venv = chosen != null && !chosen.isEmpty() ? Path.of(chosen) : ROOT.resolve(".venv");
    if (!Files.isExecutable(venv.resolve("bin/python"))) {
      throw new IllegalStateException(
          "No Python environment at "
              + venv
              + ". ./test makes it; by hand: python3 -m venv .venv && .venv/bin/pip install"
              + " -r infra/e2e/src/test/python/requirements.txt"
              + " -c infra/e2e/src/test/python/constraints.txt");
    }
    return venv;
  }

  /** The class path of one distribution, such as {@code infra/server}. */
  public static String classPath(String module) {
    // A copy lets the tests of one build go on while the next one is made.
    String chosen = System.getenv("E2E_DIST");
    Path lib =
        chosen != null && !chosen.isEmpty()
            ? Path.of(chosen).resolve(module).resolve("lib")
            : ROOT.resolve(module).resolve("target/dist/lib");
    if (!Files.isDirectory(lib)) {
      throw new IllegalStateException(
          "No distribution at " + lib + ". Build it with: ./mvnw package -DskipTests");
    }
    return lib + "/*";
  }

  public static Path java() {
    return Path.of(System.getProperty("java.home"), "bin", "java");
  }

  /** Where the product keeps Temporal's and PostgreSQL's binaries; shared by all tests. */
  public static Path cache() {
    String chosen = System.getenv("DSTACK_CACHE_DIR");
    return chosen != null && !chosen.isEmpty()
        ? Path.of(chosen)
        : Path.of(System.getenv().getOrDefault("HOME", System.getProperty("user.home")))
            .resolve(".dstack/cache");
  }

  /** Removes a temporary directory with all that is in it. */
  public static void delete(Path root) {
    if (!Files.exists(root)) {
      return;
    }
    try (Stream<Path> walk = Files.walk(root)) {
      List<Path> all = walk.sorted((a, b) -> b.compareTo(a)).toList();
      for (Path path : all) {
        Files.deleteIfExists(path);
      }
    } catch (IOException | UncheckedIOException e) {
      // A temporary directory that can't go is no failure of the product.
      System.err.println("Cannot remove " + root + ": " + e.getMessage());
    }
  }

  private static Path find() {
    Path here = Path.of("").toAbsolutePath();
    for (Path at = here; at != null; at = at.getParent()) {
      if (Files.exists(at.resolve("infra/e2e/pom.xml"))) {
        return at;
      }
    }
    throw new IllegalStateException("Not inside a checkout: " + here);
  }
}
