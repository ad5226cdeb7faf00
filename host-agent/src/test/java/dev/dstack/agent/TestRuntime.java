package dev.dstack.agent;

import dev.dstack.agent.runtime.RuntimeStore;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.spi.ToolProvider;

/**
 * The runtime that containers get, packed by the product's own script out of the classes that are
 * tested. {@code DSTACK_TEST_RUNTIME} names one that is unpacked already.
 */
public final class TestRuntime {
  private static Path known;

  private TestRuntime() {}

  /** Where it is unpacked. The first caller waits for the packing. */
  public static synchronized Path directory() {
    String given = System.getenv("DSTACK_TEST_RUNTIME");
    if (given != null && !given.isEmpty()) {
      return Path.of(given);
    }
    try {
      if (known == null) {
        known = build(Path.of("target/test-runtime").toAbsolutePath());
      }
      return known;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Path build(Path work) throws IOException, InterruptedException {
    Path jars = work.resolve("jars");
    Durable.removeTree(jars);
    Files.createDirectories(jars);
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
      Path path = Path.of(entry);
      String name = path.getFileName().toString();
      if (name.equals("classes")) {
        jar(path, jars.resolve("dstack-host-agent.jar"));
      } else if (name.endsWith(".jar") && !ofTests(name)) {
        Files.copy(path, jars.resolve(name), StandardCopyOption.COPY_ATTRIBUTES);
      }
    }
    Process pack =
        new ProcessBuilder(
                "src/main/scripts/build-runtime",
                System.getProperty("java.home"),
                "test",
                jars.toString(),
                work.toString())
            .redirectErrorStream(true)
            .redirectOutput(work.resolve("build.log").toFile())
            .start();
    if (!pack.waitFor(5, TimeUnit.MINUTES) || pack.exitValue() != 0) {
      throw new IOException("no runtime: " + Files.readString(work.resolve("build.log")));
    }
    Path newest = null;
    try (DirectoryStream<Path> packed = Files.newDirectoryStream(work, "*.tar.gz")) {
      for (Path one : packed) {
        if (newest == null || time(one).compareTo(time(newest)) > 0) {
          newest = one;
        }
      }
    }
    if (newest == null) {
      throw new IOException("the script has packed nothing");
    }
    return RuntimeStore.install(newest, work.resolve("store")).directory();
  }

  private static FileTime time(Path file) throws IOException {
    return Files.getLastModifiedTime(file);
  }

  private static boolean ofTests(String name) {
    return List.of("junit", "assertj", "opentest4j", "apiguardian", "byte-buddy", "surefire")
        .stream()
        .anyMatch(name::contains);
  }

  private static void jar(Path classes, Path target) {
    ToolProvider.findFirst("jar")
        .orElseThrow()
        .run(
            System.out,
            System.err,
            "--create",
            "--file",
            target.toString(),
            "--date",
            "2026-11-01T00:00:00Z",
            "-C",
            classes.toString(),
            ".");
  }
}
