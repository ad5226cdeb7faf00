package dev.dstack.embedded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import dev.dstack.embedded.TemporalBinaries.Sources;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.zip.GZIPOutputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The ways to Temporal's programs, with a release server and a Go of our own. */
class TemporalBinariesTest {
  private static final Path NO_GO = Path.of("/nonexistent/go");

  @TempDir Path directory;

  private final Map<String, byte[]> files = new ConcurrentHashMap<>();
  private HttpServer releases;
  private String base;

  @BeforeEach
  void serve() throws IOException {
    releases = HttpServer.create(new InetSocketAddress(Ports.loopback(), 0), 0);
    releases.createContext(
        "/",
        exchange -> {
          byte[] file = files.get(exchange.getRequestURI().getPath());
          exchange.sendResponseHeaders(file == null ? 404 : 200, file == null ? -1 : file.length);
          if (file != null) {
            exchange.getResponseBody().write(file);
          }
          exchange.close();
        });
    releases.start();
    base = "http://127.0.0.1:" + releases.getAddress().getPort() + "/";
  }

  @AfterEach
  void stop() {
    releases.stop(0);
  }

  @Test
  void theContainersHaveTheSameVersions() {
    assertThat(Path.of("../compose/compose.yaml"))
        .content()
        .contains("image: temporalio/auto-setup:" + TemporalBinaries.SERVER_VERSION + "\n")
        .contains("image: temporalio/ui:" + TemporalBinaries.UI_VERSION + "\n");
  }

  private TemporalBinaries obtain(String path, Path go) {
    return TemporalBinaries.obtain(
        directory.resolve("cache"), Map.of("PATH", path), Progress.log(), new Sources(base, go));
  }

  private Path program(Path file, String script) throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, "#!/bin/sh\n" + script + "\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    return file;
  }

  private static byte[] archive(String... names) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (TarArchiveOutputStream tar = new TarArchiveOutputStream(new GZIPOutputStream(bytes))) {
      for (String name : names) {
        byte[] content = ("I am " + name).getBytes(StandardCharsets.UTF_8);
        TarArchiveEntry entry = new TarArchiveEntry(name);
        entry.setSize(content.length);
        tar.putArchiveEntry(entry);
        tar.write(content);
        tar.closeArchiveEntry();
      }
    }
    return bytes.toByteArray();
  }

  private void release(String directory, String archive, String checksums, byte[] content)
      throws IOException {
    files.put(directory + archive, content);
    files.put(
        directory + checksums,
        ("%s  %s%n0000  other.zip%n"
                .formatted(
                    HexFormat.of().formatHex(Digests.sha256(new ByteArrayInputStream(content))),
                    archive))
            .getBytes(StandardCharsets.UTF_8));
  }

  private void releaseAll() throws IOException {
    String arch = System.getProperty("os.arch").equals("aarch64") ? "arm64" : "amd64";
    release(
        "/temporal/releases/download/v1.29.1/",
        "temporal_1.29.1_linux_" + arch + ".tar.gz",
        "checksums.txt",
        archive("LICENSE", "temporal-server", "temporal-sql-tool", "tdbg"));
    release(
        "/ui-server/releases/download/v2.42.1/",
        "ui-server_2.42.1_linux_" + arch + ".tar.gz",
        "ui-server_2.42.1_checksums.txt",
        archive("ui-server"));
  }

  @Test
  void fromTheReleaseAndThenFromTheCache() throws Exception {
    releaseAll();
    TemporalBinaries first = obtain("", NO_GO);
    assertThat(first.server()).hasContent("I am temporal-server").isExecutable();
    assertThat(first.sqlTool()).hasContent("I am temporal-sql-tool").isExecutable();
    assertThat(first.ui()).hasContent("I am ui-server").isExecutable();
    files.clear();
    assertThat(obtain("", NO_GO)).isEqualTo(first);
    try (var left = Files.list(first.server().getParent())) {
      assertThat(left).hasSize(2);
    }
  }

  @Test
  void anArchiveThatIsNotTheOneListedIsRefused() throws Exception {
    releaseAll();
    files.replaceAll((path, file) -> path.endsWith(".tar.gz") ? "bad".getBytes() : file);
    assertThatThrownBy(() -> obtain("", NO_GO))
        .isInstanceOf(EmbeddedException.class)
        .hasMessageContaining("has SHA-256")
        .hasMessageContaining("its release says");
  }

  @Test
  void fromPathIfTheVersionIsTheOneNeeded() throws Exception {
    Path bin = directory.resolve("bin");
    program(bin.resolve("temporal-server"), "echo temporal version 1.29.1");
    program(bin.resolve("temporal-sql-tool"), "echo temporal version 1.29.1");
    program(bin.resolve("ui-server"), "echo Temporal UI version 2.42.1");
    TemporalBinaries found = obtain(bin.toString(), NO_GO);
    assertThat(List.of(found.server(), found.sqlTool(), found.ui()))
        .allSatisfy(file -> assertThat(file.getParent()).isEqualTo(bin));

    program(bin.resolve("temporal-server"), "echo temporal version 1.20.0");
    assertThatThrownBy(() -> obtain(bin.toString(), NO_GO))
        .hasMessageContaining("Temporal server 1.29.1 is missing");
  }

  @Test
  void builtByGoOtherwise() throws Exception {
    Path go =
        program(
            directory.resolve("go/bin/go"),
            """
            case "$*" in *@v*) ;; *) exit 3 ;; esac
            for last; do :; done
            name="${last%@*}"; name="${name##*/}"
            echo "built $last with $GOTOOLCHAIN" > "$GOBIN/$name\"""");
    TemporalBinaries built = obtain("/usr/bin:/bin", go);
    assertThat(built.server())
        .hasContent("built go.temporal.io/server/cmd/server@v1.29.1 with auto\n");
    assertThat(built.sqlTool())
        .hasContent("built go.temporal.io/server/cmd/tools/sql@v1.29.1 with auto\n");
    assertThat(built.ui())
        .hasContent("built github.com/temporalio/ui-server/v2/cmd/server@v2.42.1 with auto\n");
  }

  @Test
  void aPersonIsToldAllWaysOutWhenNoneWorks() throws Exception {
    Path go = program(directory.resolve("go/bin/go"), "echo no network here; exit 1");
    assertThatThrownBy(() -> obtain("", go))
        .isInstanceOf(EmbeddedException.class)
        .hasMessageContaining("Temporal server 1.29.1 is missing")
        .hasMessageContaining("1. Put temporal-server and temporal-sql-tool (version 1.29.1)")
        .hasMessageContaining("answers with status 404")
        .hasMessageContaining("2. Install Go")
        .hasMessageContaining("no network here")
        .hasMessageContaining("3. Set TEMPORAL_ADDRESS");
    assertThatThrownBy(() -> obtain("", NO_GO)).hasMessageContaining("there is no Go");
  }
}
