package dev.dstack.embedded;

import java.io.BufferedInputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.zip.GZIPInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.jspecify.annotations.Nullable;

/**
 * The programs of the official Temporal server and of its Web UI, in the pinned versions.
 *
 * <p>Looked for in the cache, then on PATH; else the official release archives are fetched; else
 * the same versions are built by {@code go install}, which checks them against Go's public checksum
 * database.
 */
record TemporalBinaries(Path server, Path sqlTool, Path ui) {
  static final String SERVER_VERSION = "1.29.1";
  static final String UI_VERSION = "2.42.1";

  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);
  private static final Duration DOWNLOAD_TIMEOUT = Duration.ofMinutes(10);
  private static final Duration BUILD_TIMEOUT = Duration.ofMinutes(40);

  /**
   * One program.
   *
   * @param archived its name in the release archive
   * @param module its Go package, whose last path element names what {@code go install} makes
   */
  private record Program(String name, String archived, String module, String version) {}

  private static final Program SERVER =
      new Program(
          "temporal-server", "temporal-server", "go.temporal.io/server/cmd/server", SERVER_VERSION);
  private static final Program SQL_TOOL =
      new Program(
          "temporal-sql-tool",
          "temporal-sql-tool",
          "go.temporal.io/server/cmd/tools/sql",
          SERVER_VERSION);
  private static final Program UI =
      new Program(
          "temporal-ui-server",
          "ui-server",
          "github.com/temporalio/ui-server/v2/cmd/server",
          UI_VERSION);

  /**
   * Where to look beside cache and PATH.
   *
   * @param releases the address below which the projects' release archives are
   * @param go used if there is none on PATH
   */
  record Sources(String releases, Path go) {
    static final Sources OFFICIAL =
        new Sources("https://github.com/temporalio/", Path.of("/usr/local/go/bin/go"));
  }

  static TemporalBinaries obtain(
      Path cacheDirectory, Map<String, String> environment, Progress progress) {
    return obtain(cacheDirectory, environment, progress, Sources.OFFICIAL);
  }

  static TemporalBinaries obtain(
      Path cacheDirectory, Map<String, String> environment, Progress progress, Sources sources) {
    Path serverHome = cacheDirectory.resolve("temporal").resolve(SERVER_VERSION);
    Path uiHome = cacheDirectory.resolve("temporal-ui").resolve(UI_VERSION);
    List<Path> found = find(serverHome, environment, List.of(SERVER, SQL_TOOL), progress);
    if (found == null) {
      found =
          fetch(
              "Temporal server " + SERVER_VERSION,
              serverHome,
              environment,
              progress,
              "temporal/releases/download/v%1$s/temporal_%1$s_linux_%2$s.tar.gz",
              "temporal/releases/download/v%1$s/checksums.txt",
              List.of(SERVER, SQL_TOOL),
              sources);
    }
    List<Path> ui = find(uiHome, environment, List.of(UI), progress);
    if (ui == null) {
      ui =
          fetch(
              "Temporal Web UI " + UI_VERSION,
              uiHome,
              environment,
              progress,
              "ui-server/releases/download/v%1$s/ui-server_%1$s_linux_%2$s.tar.gz",
              "ui-server/releases/download/v%1$s/ui-server_%1$s_checksums.txt",
              List.of(UI),
              sources);
    }
    return new TemporalBinaries(found.get(0), found.get(1), ui.getFirst());
  }

  private static @Nullable List<Path> find(
      Path home, Map<String, String> environment, List<Program> programs, Progress progress) {
    if (programs.stream().allMatch(program -> Files.isExecutable(home.resolve(program.name())))) {
      return programs.stream().map(program -> home.resolve(program.name())).toList();
    }
    List<Path> onPath = new ArrayList<>();
    for (Program program : programs) {
      Path found = onPath(program.name(), environment);
      if (found == null) {
        found = onPath(program.archived(), environment);
      }
      if (found == null) {
        return null;
      }
      String version = versionOf(found);
      if (!version.contains(program.version())) {
        progress.note(
            "%s is not used: it says \"%s\", needed is %s."
                .formatted(found, version, program.version()));
        return null;
      }
      onPath.add(found);
    }
    return onPath;
  }

  private static @Nullable Path onPath(String name, Map<String, String> environment) {
    for (String directory : environment.getOrDefault("PATH", "").split(File.pathSeparator)) {
      Path candidate = Path.of(directory.isEmpty() ? "." : directory, name).toAbsolutePath();
      if (Files.isExecutable(candidate) && !Files.isDirectory(candidate)) {
        return candidate;
      }
    }
    return null;
  }

  private static String versionOf(Path program) {
    try {
      Process process =
          new ProcessBuilder(program.toString(), "--version").redirectErrorStream(true).start();
      process.getOutputStream().close();
      String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      process.waitFor(10, TimeUnit.SECONDS);
      return said.strip();
    } catch (IOException e) {
      return "nothing: " + e.getMessage();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return "nothing: interrupted";
    }
  }

  private static List<Path> fetch(
      String what,
      Path home,
      Map<String, String> environment,
      Progress progress,
      String archivePath,
      String checksumsPath,
      List<Program> programs,
      Sources sources) {
    String version = programs.getFirst().version();
    String arch = goArchitecture();
    String archive = sources.releases() + archivePath.formatted(version, arch);
    String checksums = sources.releases() + checksumsPath.formatted(version, arch);
    String downloadProblem;
    String buildProblem;
    try {
      FileTree.createPrivateDirectory(home);
      progress.step(
          "Downloading " + what,
          () -> {
            download(archive, checksums, home, programs);
            return home;
          });
      return inHome(home, programs);
    } catch (IOException | EmbeddedException e) {
      downloadProblem = describe(e);
      progress.note(downloadProblem + ". Trying to build it.");
    }
    try {
      Path go = findGo(environment, sources);
      progress.step(
          "Building " + what + " by `go install` (minutes, once)",
          () -> {
            for (Program program : programs) {
              build(go, home, program);
            }
            return home;
          });
      return inHome(home, programs);
    } catch (EmbeddedException e) {
      buildProblem = describe(e);
    }
    StringBuilder names = new StringBuilder();
    for (Program program : programs) {
      names.append(names.isEmpty() ? "" : " and ").append(program.name());
    }
    throw new EmbeddedException(
        """
        %s is missing and cannot be obtained. One of these helps:
          1. Put %s (version %s) on PATH or into %s. Official archive: %s (tried: %s)
          2. Install Go 1.24 or later, and the server builds them itself. (tried: %s)
          3. Set TEMPORAL_ADDRESS to a Temporal server of your own."""
            .formatted(what, names, version, home, archive, downloadProblem, buildProblem));
  }

  private static String describe(Exception e) {
    String message = e.getMessage();
    return message == null || message.isBlank() ? e.getClass().getSimpleName() : message;
  }

  private static List<Path> inHome(Path home, List<Program> programs) {
    return programs.stream().map(program -> home.resolve(program.name())).toList();
  }

  private static String goArchitecture() {
    return switch (System.getProperty("os.arch", "").toLowerCase(Locale.ROOT)) {
      case "aarch64", "arm64" -> "arm64";
      default -> "amd64";
    };
  }

  /**
   * No checksum of these archives is published anywhere but in the release itself, so none is
   * pinned here: the archive is checked against the release's own list, fetched over https.
   */
  private static void download(String archive, String checksums, Path home, List<Program> programs)
      throws IOException, InterruptedException {
    try (HttpClient client =
        HttpClient.newBuilder()
            .connectTimeout(CONNECT_TIMEOUT)
            .followRedirects(HttpClient.Redirect.NORMAL)
            .build()) {
      String list =
          client
              .send(
                  request(checksums, Duration.ofSeconds(20)),
                  succeeding(HttpResponse.BodyHandlers.ofString(), checksums))
              .body();
      String name = archive.substring(archive.lastIndexOf('/') + 1);
      String expected =
          list.lines()
              .map(line -> line.strip().split("\\s+\\*?"))
              .filter(fields -> fields.length == 2 && fields[1].equals(name))
              .map(fields -> fields[0].toLowerCase(Locale.ROOT))
              .findFirst()
              .orElseThrow(() -> new IOException(checksums + " does not list " + name));
      Path file = Files.createTempFile(home, "download-", ".tar.gz");
      try {
        HttpResponse<Path> response =
            client.send(
                request(archive, DOWNLOAD_TIMEOUT),
                succeeding(HttpResponse.BodyHandlers.ofFile(file), archive));
        String actual;
        try (InputStream in = Files.newInputStream(response.body())) {
          actual = HexFormat.of().formatHex(Digests.sha256(in));
        }
        if (!actual.equals(expected)) {
          throw new IOException(
              archive + " has SHA-256 " + actual + ", its release says " + expected);
        }
        unpack(file, home, programs);
      } finally {
        Files.deleteIfExists(file);
      }
    }
  }

  private static HttpRequest request(String url, Duration timeout) {
    return HttpRequest.newBuilder(URI.create(url)).timeout(timeout).build();
  }

  private static <T> HttpResponse.BodyHandler<T> succeeding(
      HttpResponse.BodyHandler<T> handler, String url) {
    return info -> {
      if (info.statusCode() != 200) {
        throw new EmbeddedException(url + " answers with status " + info.statusCode());
      }
      return handler.apply(info);
    };
  }

  private static void unpack(Path archive, Path home, List<Program> programs) throws IOException {
    List<Program> missing = new ArrayList<>(programs);
    try (TarArchiveInputStream tar =
        new TarArchiveInputStream(
            new GZIPInputStream(new BufferedInputStream(Files.newInputStream(archive))))) {
      for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
        String name = entry.getName().substring(entry.getName().lastIndexOf('/') + 1);
        for (Program program : programs) {
          if (entry.isFile() && name.equals(program.archived())) {
            Path temporary = Files.createTempFile(home, "new-", "");
            Files.copy(tar, temporary, StandardCopyOption.REPLACE_EXISTING);
            install(temporary, home.resolve(program.name()));
            missing.remove(program);
          }
        }
      }
    }
    if (!missing.isEmpty()) {
      throw new IOException("the archive lacks " + missing.getFirst().archived());
    }
  }

  private static void install(Path built, Path target) throws IOException {
    Files.setPosixFilePermissions(built, PosixFilePermissions.fromString("rwxr-xr-x"));
    Files.move(built, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  private static Path findGo(Map<String, String> environment, Sources sources) {
    Path go = onPath("go", environment);
    if (go == null && Files.isExecutable(sources.go())) {
      go = sources.go();
    }
    if (go == null) {
      throw new EmbeddedException("there is no Go");
    }
    return go;
  }

  private static void build(Path go, Path home, Program program)
      throws IOException, InterruptedException {
    Path binaries = Files.createTempDirectory(home, "go-");
    try {
      Path said = binaries.resolve("go.log");
      ProcessBuilder command =
          new ProcessBuilder(
                  go.toString(),
                  "install",
                  "-trimpath",
                  "-ldflags=-s -w",
                  program.module() + "@v" + program.version())
              .redirectErrorStream(true)
              .redirectOutput(said.toFile());
      command.environment().put("GOBIN", binaries.toString());
      // A newer toolchain is fetched by Go itself where the module asks for it.
      command.environment().put("GOTOOLCHAIN", "auto");
      command.environment().put("CGO_ENABLED", "0");
      command.environment().remove("GOFLAGS");
      Process process = command.start();
      try {
        if (!process.waitFor(BUILD_TIMEOUT.toSeconds(), TimeUnit.SECONDS)) {
          throw new IOException(
              "`go install` took longer than " + BUILD_TIMEOUT.toMinutes() + " min");
        }
      } finally {
        process.destroyForcibly();
      }
      if (process.exitValue() != 0) {
        throw new IOException(
            "`go install " + program.module() + "` failed: " + FileTree.tail(said, 2));
      }
      String made = program.module().substring(program.module().lastIndexOf('/') + 1);
      install(binaries.resolve(made), home.resolve(program.name()));
    } finally {
      FileTree.delete(binaries);
    }
  }
}
