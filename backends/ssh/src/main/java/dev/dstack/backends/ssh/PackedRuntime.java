package dev.dstack.backends.ssh;

import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import java.io.IOException;
import java.net.URI;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What is copied to a host: the agent with a Java runtime and a C library of its own. The packed
 * files lie in {@code agent} beside the directory of the server's jars.
 *
 * @param name of the directory it becomes on a host; two with one name are the same, byte for byte
 * @param loader the file name of the C library's loader in it
 */
public record PackedRuntime(Path file, String name, String loader) {
  /** Names one packed file or a directory with several. */
  public static final String PROPERTY = "dstack.agent.runtime";

  private static final String SUFFIX = ".tar.gz";

  /**
   * @param machine as the host's kernel names it, such as {@code x86_64}
   * @throws DstackException AGENT_REFUSED when this server has none for such a host
   */
  public static PackedRuntime of(String machine) {
    String arch =
        switch (machine.toLowerCase(Locale.ROOT)) {
          case "x86_64", "amd64" -> "x86_64";
          case "aarch64", "arm64" -> "aarch64";
          default ->
              throw new DstackException(
                  ErrorKind.AGENT_REFUSED,
                  "its processor is of the kind "
                      + machine
                      + "; the host agent runs on x86_64 and aarch64");
        };
    for (Path directory : directories()) {
      try (DirectoryStream<Path> files =
          Files.newDirectoryStream(directory, "dstack-runtime-*-" + arch + SUFFIX)) {
        for (Path file : files) {
          String name = file.getFileName().toString();
          return new PackedRuntime(
              file,
              name.substring(0, name.length() - SUFFIX.length()),
              arch.equals("x86_64") ? "ld-linux-x86-64.so.2" : "ld-linux-aarch64.so.1");
        }
      } catch (IOException e) {
        throw new DstackException(
            ErrorKind.AGENT_REFUSED, directory + " can't be read on this server: " + e, e);
      }
    }
    throw new DstackException(
        ErrorKind.AGENT_REFUSED,
        "this server was built without the host agent for "
            + arch
            + "; docs/ssh-hosts.md says how it is added");
  }

  private static List<Path> directories() {
    List<Path> directories = new ArrayList<>();
    String given = System.getProperty(PROPERTY, "");
    if (!given.isEmpty()) {
      Path path = Path.of(given).toAbsolutePath();
      Path parent = path.getParent();
      directories.add(Files.isDirectory(path) || parent == null ? path : parent);
    }
    Path lib = library();
    if (lib != null) {
      directories.add(lib.resolveSibling("agent"));
    }
    return directories.stream().filter(Files::isDirectory).toList();
  }

  private static @Nullable Path library() {
    CodeSource source = PackedRuntime.class.getProtectionDomain().getCodeSource();
    return source == null || !"file".equals(source.getLocation().getProtocol())
        ? null
        : Path.of(URI.create(source.getLocation().toString())).getParent();
  }
}
