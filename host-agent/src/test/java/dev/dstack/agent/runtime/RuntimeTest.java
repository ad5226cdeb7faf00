package dev.dstack.agent.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.dstack.agent.TestRuntime;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The packed runtime, made by the product's own script. */
final class RuntimeTest {
  private static final long MAX_PACKED_BYTES = 40_000_000;

  @TempDir Path dir;

  private static Path jars() {
    return TestRuntime.directory().resolve("agent");
  }

  private static String pack(Path out, String... more) throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of(
                "src/main/scripts/build-runtime",
                System.getProperty("java.home"),
                "1.2.3",
                jars().toString(),
                out.toString()));
    command.addAll(List.of(more));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getOutputStream().close();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(said).isZero();
    return said;
  }

  private static Path packed(Path out) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(out, "dstack-runtime-*.tar.gz")) {
      return files.iterator().next();
    }
  }

  @Test
  void twoBuildsAreTheSameSmallFileAndAChangedOneIsRefused() throws Exception {
    Path one = dir.resolve("one");
    Path two = dir.resolve("two");
    assertThat(pack(one)).contains("The runtime of the agent");
    pack(two);
    Path packed = packed(one);
    assertThat(packed(two))
        .hasSameBinaryContentAs(packed)
        .hasFileName(packed.getFileName().toString());
    assertThat(Files.size(packed)).isLessThan(MAX_PACKED_BYTES);
    assertThat(pack(one)).as("up to date").isEmpty();

    Path store = dir.resolve("store");
    RuntimeLayout runtime = RuntimeStore.install(packed, store);
    assertThat(runtime.verify()).isEmpty();
    assertThat(runtime.version()).startsWith("1.2.3-");
    assertThat(packed.getFileName().toString()).contains(runtime.version());
    assertThat(runtime.arch()).isEqualTo(System.getProperty("os.arch"));
    assertThat(RuntimeStore.installed(store))
        .extracting(RuntimeLayout::version)
        .containsExactly(runtime.version());

    Files.writeString(runtime.directory().resolve("bin/cat"), "x", StandardOpenOption.APPEND);
    Files.delete(runtime.directory().resolve("bin/env"));
    Files.createFile(runtime.directory().resolve("bin/other"));
    assertThat(runtime.verify())
        .containsExactlyInAnyOrder(
            "bin/cat has been changed", "bin/env is missing", "bin/other does not belong to it");

    Files.writeString(packed, "x", StandardOpenOption.APPEND);
    assertThatThrownBy(() -> RuntimeStore.install(packed, dir.resolve("other")))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("is damaged: its SHA-256");
    assertThat(RuntimeStore.installed(dir.resolve("other"))).isEmpty();
    Files.delete(packed);
    assertThat(RuntimeStore.install(packed, store).version())
        .as("unpacked already")
        .isEqualTo(runtime.version());
  }

  @Test
  void anotherArchitectureSaysWhatItNeeds() throws Exception {
    String other = System.getProperty("os.arch").equals("aarch64") ? "x86_64" : "aarch64";
    assertThat(pack(dir, other))
        .contains("No runtime of the agent for " + other)
        .contains("-Druntime.jmods." + other)
        .contains("-Druntime.sysroot." + other);
    try (DirectoryStream<Path> files = Files.newDirectoryStream(dir)) {
      assertThat(files).isEmpty();
    }
  }

  /** A trial run of the runner is recorded, and the recording is of use. */
  @Test
  void theCacheOfClassesIsMadeOnce() throws Exception {
    RuntimeLayout runtime = RuntimeLayout.open(TestRuntime.directory());
    Files.createDirectories(
        runtime
            .directory()
            .resolve(RuntimeCache.FILE)
            .resolveSibling("training-of-one-that-ended"));
    RuntimeCache.make(runtime);
    Path cache = runtime.directory().resolve(RuntimeCache.FILE);
    assertThat(cache).isNotEmptyFile();
    assertThat(runtime.verify()).isEmpty();
    try (DirectoryStream<Path> left =
        Files.newDirectoryStream(cache.resolveSibling("."), "training-*")) {
      assertThat(left).isEmpty();
    }
    var made = Files.getLastModifiedTime(cache);
    RuntimeCache.make(runtime);
    assertThat(Files.getLastModifiedTime(cache)).isEqualTo(made);
  }
}
