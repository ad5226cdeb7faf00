package dev.dstack.agent.task;

import dev.dstack.agent.host.Processes;
import dev.dstack.agent.host.Processes.Proc;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * What a task's own shells have left in its directory. The agent decides by these alone, so it
 * makes no difference whether it saw them happen or was started afterwards.
 *
 * @param started some supervisor has the right to run the command, or the agent took it away
 * @param supervisor absent: not written yet
 * @param leader first process of the task's session; absent: not written yet
 * @param exit status of the command
 * @param logged status of the collector of output; present: every byte is in the log
 */
record Signs(
    boolean started,
    @Nullable Known supervisor,
    @Nullable Known leader,
    OptionalInt exit,
    OptionalInt logged) {

  /** A process as it was noted down. */
  record Known(String bootId, Proc proc) {
    boolean isAlive(String currentBoot) {
      return bootId.equals(currentBoot) && Processes.isAlive(proc);
    }
  }

  /**
   * @param before an earlier look: what was written down then has not changed
   */
  static Signs read(Path io, @Nullable Signs before) throws IOException {
    boolean started = false;
    boolean pid = false;
    OptionalInt exit = OptionalInt.empty();
    OptionalInt logged = OptionalInt.empty();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(io)) {
      for (Path file : files) {
        String name = String.valueOf(file.getFileName());
        if (name.equals("started")) {
          started = true;
        } else if (name.equals("pid")) {
          pid = true;
        } else if (name.startsWith("exit-")) {
          exit = number(name.substring(5));
        } else if (name.startsWith("logged-")) {
          logged = number(name.substring(7));
        }
      }
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
    return new Signs(
        started,
        started ? known(io.resolve("started"), before == null ? null : before.supervisor()) : null,
        pid ? known(io.resolve("pid"), before == null ? null : before.leader()) : null,
        exit,
        logged);
  }

  private static OptionalInt number(String text) {
    try {
      return OptionalInt.of(Integer.parseInt(text));
    } catch (NumberFormatException e) {
      return OptionalInt.empty();
    }
  }

  private static @Nullable Known known(Path file, @Nullable Known before) throws IOException {
    if (before != null) {
      return before;
    }
    String line = Files.readString(file, StandardCharsets.ISO_8859_1);
    int space = line.indexOf(' ');
    if (space < 0 || !line.endsWith("\n")) {
      return null;
    }
    String boot = line.substring(0, space);
    return Processes.parse(line.substring(space + 1))
        .map(proc -> new Known(boot, proc))
        .orElse(null);
  }
}
