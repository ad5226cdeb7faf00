package dev.dstack.backends.local;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The packed runtime that the agent mounts into containers. It lies in {@code agent} beside the
 * directory of the server's jars; the agent unpacks it to a place of its own.
 */
final class AgentRuntime {
  /** Names the packed file, or the directory of an unpacked one. */
  static final String PROPERTY = "dstack.agent.runtime";

  private AgentRuntime() {}

  /** Absent: this server was built without one, and its agent runs no containers. */
  static @Nullable Path find() throws IOException {
    String given = System.getProperty(PROPERTY, "");
    if (!given.isEmpty()) {
      return Path.of(given).toAbsolutePath();
    }
    Path own = AgentClasspath.source(AgentRuntime.class.getName());
    Path lib = own == null ? null : own.getParent();
    if (lib == null) {
      return null;
    }
    Path directory = lib.resolveSibling("agent");
    String arch = System.getProperty("os.arch").equals("amd64") ? "x86_64" : "aarch64";
    if (Files.isDirectory(directory)) {
      try (DirectoryStream<Path> files =
          Files.newDirectoryStream(directory, "dstack-runtime-*-" + arch + ".tar.gz")) {
        for (Path file : files) {
          return file;
        }
      }
    }
    return null;
  }
}
