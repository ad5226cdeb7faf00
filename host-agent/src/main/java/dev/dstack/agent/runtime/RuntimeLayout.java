package dev.dstack.agent.runtime;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * An unpacked runtime: where in it what lies, and how programs are started from it.
 *
 * <pre>
 * VERSION          one line, names the content
 * ARCH             one line, as {@code os.arch} of Java
 * MANIFEST         "SHA256  PATH" of every other file
 * jre/             made by jlink
 * glibc/           the loader and the C library with what goes with it
 * bin/             cat, choom, env and setsid, which an image may not have
 * agent/*.jar      the agent and its libraries
 * cache/           made on the host: the runner's classes in the form in which they start fast
 * </pre>
 */
public final class RuntimeLayout {
  /** Where the directory is mounted, read-only, in a container. */
  public static final String MOUNT = "/.dstack/rt";

  public static final String RUNNER_MAIN = "dev.dstack.agent.runner.Runner";

  /**
   * Variables that would lead the runner itself astray. Those of them that the image sets are set
   * to the empty text in the container and passed on by {@code RunnerRequest.imageEnv}.
   */
  public static final List<String> EMPTIED_ENV =
      List.of(
          "CLASSPATH",
          "GLIBC_TUNABLES",
          "JAVA_OPTIONS",
          "JAVA_TOOL_OPTIONS",
          "JDK_JAVA_OPTIONS",
          "LC_ALL",
          "LD_AUDIT",
          "LD_BIND_NOW",
          "LD_DEBUG",
          "LD_LIBRARY_PATH",
          "LD_PRELOAD",
          "LOCPATH",
          "MALLOC_ARENA_MAX",
          "_JAVA_OPTIONS");

  static final String VERSION_FILE = "VERSION";
  static final String ARCH_FILE = "ARCH";
  static final String MANIFEST_FILE = "MANIFEST";
  static final String CACHE_DIRECTORY = "cache";

  private final Path directory;
  private final String version;
  private final String arch;

  private RuntimeLayout(Path directory, String version, String arch) {
    this.directory = directory;
    this.version = version;
    this.arch = arch;
  }

  /**
   * @throws IOException the directory holds no runtime; says so
   */
  public static RuntimeLayout open(Path directory) throws IOException {
    Path home = directory.toAbsolutePath().normalize();
    try {
      String version = Files.readString(home.resolve(VERSION_FILE)).strip();
      String arch = Files.readString(home.resolve(ARCH_FILE)).strip();
      return new RuntimeLayout(home, version, arch);
    } catch (NoSuchFileException e) {
      throw new IOException(
          home + " holds no runtime of the agent: " + e.getFile() + " is missing", e);
    }
  }

  public Path directory() {
    return directory;
  }

  /** Two runtimes with the same version are the same, byte for byte. */
  public String version() {
    return version;
  }

  /** As {@code os.arch}: amd64 or aarch64. */
  public String arch() {
    return arch;
  }

  /** Argv of the first process of a container that has this runtime at {@link #MOUNT}. */
  public List<String> runnerCommand() throws IOException {
    return runnerCommand(Path.of(MOUNT), "/.dstack/io");
  }

  /**
   * @param root where the runtime is for the process
   * @param io the io directory as the process sees it
   */
  public List<String> runnerCommand(Path root, String io) throws IOException {
    List<String> command = programCommand(root, "env");
    // Java asks the locale how names of files are written.
    command.add("LOCPATH=" + root.resolve("glibc/locale"));
    command.add("LC_ALL=C.UTF-8");
    command.add("MALLOC_ARENA_MAX=1");
    command.addAll(javaCommand(root));
    command.addAll(RunnerFlags.of(root, io));
    command.add("-cp");
    command.add(classpath(root));
    command.add(RUNNER_MAIN);
    command.add(io);
    command.add(root.toString());
    return command;
  }

  /** Argv that starts Java by the runtime's own loader; flags and the main class follow. */
  public List<String> javaCommand(Path root) {
    List<String> command = loaderCommand(root);
    command.add(root.resolve("jre/bin/java").toString());
    return command;
  }

  /** Argv that starts one of the runtime's programs; its arguments follow. */
  public List<String> programCommand(Path root, String name) {
    List<String> command = loaderCommand(root);
    command.add(root.resolve("bin").resolve(name).toString());
    return command;
  }

  /** Argv that starts a program for glibc by the runtime's own loader; the program follows. */
  private List<String> loaderCommand(Path root) {
    return new ArrayList<>(
        List.of(
            root.resolve("glibc").resolve(loader()).toString(),
            "--library-path",
            Stream.of("glibc", "jre/lib", "jre/lib/server")
                .map(name -> root.resolve(name).toString())
                .reduce((a, b) -> a + ":" + b)
                .orElseThrow()));
  }

  private String loader() {
    return arch.equals("aarch64") ? "ld-linux-aarch64.so.1" : "ld-linux-x86-64.so.2";
  }

  /**
   * The class path of the agent and the runner, always in the same order: the cache of classes is
   * bound to it.
   */
  public String classpath(Path root) throws IOException {
    List<String> jars = new ArrayList<>();
    try (DirectoryStream<Path> files =
        Files.newDirectoryStream(directory.resolve("agent"), "*.jar")) {
      files.forEach(jar -> jars.add(root.resolve("agent").resolve(jar.getFileName()).toString()));
    }
    jars.sort(null);
    return String.join(":", jars);
  }

  /**
   * Compares every file with the manifest.
   *
   * @return what is wrong, in words; empty: nothing
   */
  public List<String> verify() throws IOException {
    List<String> problems = new ArrayList<>();
    Map<String, String> wanted = manifest();
    for (Map.Entry<String, String> entry : wanted.entrySet()) {
      Path file = directory.resolve(entry.getKey());
      if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
        problems.add(entry.getKey() + " is missing");
      } else if (!sha256(file).equals(entry.getValue())) {
        problems.add(entry.getKey() + " has been changed");
      }
    }
    for (Path file : files(directory)) {
      String name = directory.relativize(file).toString();
      if (!wanted.containsKey(name)
          && !name.equals(MANIFEST_FILE)
          && !name.equals(VERSION_FILE)
          && !name.startsWith(CACHE_DIRECTORY + "/")) {
        problems.add(name + " does not belong to it");
      }
    }
    return problems;
  }

  private Map<String, String> manifest() throws IOException {
    Map<String, String> manifest = new TreeMap<>();
    try (BufferedReader lines = Files.newBufferedReader(directory.resolve(MANIFEST_FILE))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        int space = line.indexOf("  ");
        if (space != 64) {
          throw new IOException(directory.resolve(MANIFEST_FILE) + " is damaged: " + line);
        }
        manifest.put(line.substring(66), line.substring(0, 64));
      }
    }
    return manifest;
  }

  private static List<Path> files(Path top) throws IOException {
    List<Path> found = new ArrayList<>();
    List<Path> open = new ArrayList<>(List.of(top));
    while (!open.isEmpty()) {
      try (DirectoryStream<Path> entries = Files.newDirectoryStream(open.removeLast())) {
        for (Path entry : entries) {
          if (Files.isDirectory(entry, LinkOption.NOFOLLOW_LINKS)) {
            open.add(entry);
          } else {
            found.add(entry);
          }
        }
      }
    }
    return found;
  }

  static String sha256(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      byte[] buffer = new byte[64 * 1024];
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        digest.update(buffer, 0, read);
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public String toString() {
    return "RuntimeLayout[" + version + " " + arch + " in " + directory + "]";
  }
}
