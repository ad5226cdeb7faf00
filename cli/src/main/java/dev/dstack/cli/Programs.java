package dev.dstack.cli;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Other programs of this machine. */
public final class Programs {
  private Programs() {}

  /** The first of its name on the path; null where there is none. */
  public static @Nullable Path find(String name, Map<String, String> env) {
    String path = env.get("PATH");
    path = path == null ? System.getenv("PATH") : path;
    for (String directory : (path == null ? "/usr/bin:/bin" : path).split(File.pathSeparator, -1)) {
      Path candidate = Path.of(directory.isEmpty() ? "." : directory).resolve(name);
      if (Files.isRegularFile(candidate) && Files.isExecutable(candidate)) {
        return candidate.toAbsolutePath();
      }
    }
    return null;
  }
}
