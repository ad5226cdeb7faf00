package dev.dstack.backends.local;

import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.CodeSource;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The files the agent is started from. It outlives the server, so it runs from copies of its own:
 * an upgrade that replaces the server's files must not pull them away under it.
 */
final class AgentClasspath {
  /** Names the classpath; nothing is copied then. */
  static final String PROPERTY = "dstack.agent.classpath";

  /** One class of each library that the agent needs; tells where the server has it from. */
  private static final List<String> NEEDED =
      List.of(
          "dev.dstack.agent.Main",
          "dev.dstack.model.json.Json",
          "tools.jackson.databind.ObjectMapper",
          "tools.jackson.core.JsonParser",
          "com.fasterxml.jackson.annotation.JsonProperty",
          "org.apache.commons.compress.archivers.tar.TarArchiveInputStream",
          "org.apache.commons.io.IOUtils",
          "org.apache.commons.lang3.ArrayUtils",
          "org.apache.commons.codec.binary.Base64",
          "org.jspecify.annotations.Nullable");

  private AgentClasspath() {}

  static String in(Path home) throws IOException {
    String given = System.getProperty(PROPERTY, "");
    if (!given.isEmpty()) {
      return given;
    }
    Set<Path> sources = new LinkedHashSet<>();
    for (String name : NEEDED) {
      Path source = source(name);
      if (source != null) {
        sources.add(source);
      }
    }
    if (sources.isEmpty()) {
      return System.getProperty("java.class.path");
    }
    return copies(sources, home.resolve("lib"));
  }

  private static @Nullable Path source(String className) {
    try {
      CodeSource source =
          Class.forName(className, false, AgentClasspath.class.getClassLoader())
              .getProtectionDomain()
              .getCodeSource();
      return source == null || !"file".equals(source.getLocation().getProtocol())
          ? null
          : Path.of(URI.create(source.getLocation().toString()));
    } catch (ClassNotFoundException e) {
      // A library that the agent came to do without; were it needed, the agent would not start.
      return null;
    }
  }

  /** Called while no agent runs from there. */
  private static String copies(Set<Path> sources, Path library) throws IOException {
    Files.createDirectories(library);
    List<String> entries = new ArrayList<>();
    Set<Path> wanted = new LinkedHashSet<>();
    for (Path source : sources) {
      if (Files.isRegularFile(source)) {
        Path copy = library.resolve(source.getFileName().toString());
        Files.copy(source, copy, StandardCopyOption.REPLACE_EXISTING);
        wanted.add(copy);
        entries.add(copy.toString());
      } else {
        entries.add(source.toString());
      }
    }
    try (DirectoryStream<Path> files = Files.newDirectoryStream(library)) {
      for (Path file : files) {
        if (!wanted.contains(file)) {
          Files.delete(file);
        }
      }
    }
    return String.join(File.pathSeparator, entries);
  }
}
