package dev.dstack.cli.attach;

import dev.dstack.cli.Programs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Where OpenSSH's client is on this machine. */
final class SshClient {
  private SshClient() {}

  /**
   * {@code DSTACK_SSH_CLIENT}, else the first {@code ssh} of the path; null where there is none.
   */
  static @Nullable Path find(Map<String, String> env) {
    String named = env.get("DSTACK_SSH_CLIENT");
    if (named != null && !named.isEmpty()) {
      Path path = Path.of(named);
      return Files.isExecutable(path) ? real(path) : null;
    }
    Path found = Programs.find("ssh", env);
    return found == null ? null : real(found);
  }

  /**
   * Without links, as dstack's own client writes it: the two know each other's connections by it.
   */
  private static Path real(Path path) {
    try {
      return path.toRealPath();
    } catch (IOException e) {
      return path.toAbsolutePath();
    }
  }
}
