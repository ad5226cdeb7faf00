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
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.jar.JarFile;
import java.util.jar.Manifest;
import org.jspecify.annotations.Nullable;

/**
 * The files the agent is started from. It outlives the server, so it runs from copies of its own:
 * an upgrade that replaces the server's files must not pull them away under it.
 */
final class AgentClasspath {
  /** Names the classpath; nothing is copied then. */
  static final String PROPERTY = "dstack.agent.classpath";

  /** Of the agent; where its libraries are is told by the manifest of its jar. */
  private static final String MAIN = "dev.dstack.agent.Main";

  private AgentClasspath() {}

  static String in(Path home) throws IOException {
    String given = System.getProperty(PROPERTY, "");
    if (!given.isEmpty()) {
      return given;
    }
    Path agent = source(MAIN);
    Set<Path> sources = agent == null ? Set.of() : withLibraries(agent);
    return sources.isEmpty()
        ? System.getProperty("java.class.path")
        : copies(sources, home.resolve("lib"));
  }

  /** Differs when the next agent would be another program than one that was started before. */
  static String version() throws IOException {
    Path agent = source(MAIN);
    StringBuilder version = new StringBuilder(System.getProperty(PROPERTY, ""));
    for (Path file : agent == null ? Set.<Path>of() : withLibraries(agent)) {
      version
          .append(file.getFileName())
          .append(' ')
          .append(Files.size(file))
          .append(' ')
          .append(Files.getLastModifiedTime(file))
          .append('\n');
    }
    return version.toString();
  }

  /** Empty: the agent's classes do not come from a jar, or not all that it needs is known. */
  private static Set<Path> withLibraries(Path agent) throws IOException {
    if (!Files.isRegularFile(agent)) {
      return Set.of();
    }
    Map<String, Path> known = new HashMap<>();
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
      Path path = Path.of(entry).toAbsolutePath();
      known.put(String.valueOf(path.getFileName()), path);
    }
    Set<Path> sources = new LinkedHashSet<>();
    sources.add(agent);
    for (String name : libraries(agent)) {
      Path beside = agent.resolveSibling(name);
      Path library = Files.isRegularFile(beside) ? beside : known.get(name);
      if (library == null) {
        return Set.of();
      }
      sources.add(library);
    }
    return sources;
  }

  private static List<String> libraries(Path jar) throws IOException {
    try (JarFile file = new JarFile(jar.toFile())) {
      Manifest manifest = file.getManifest();
      String value = manifest == null ? null : manifest.getMainAttributes().getValue("Class-Path");
      return value == null || value.isBlank() ? List.of() : List.of(value.strip().split(" +"));
    }
  }

  /** Where a class comes from; absent: not from a file. */
  static @Nullable Path source(String className) {
    try {
      CodeSource source =
          Class.forName(className, false, AgentClasspath.class.getClassLoader())
              .getProtectionDomain()
              .getCodeSource();
      return source == null || !"file".equals(source.getLocation().getProtocol())
          ? null
          : Path.of(URI.create(source.getLocation().toString()));
    } catch (ClassNotFoundException e) {
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
