package dev.dstack.agent.task;

import dev.dstack.agent.host.Processes;
import dev.dstack.agent.host.Processes.Proc;
import dev.dstack.agent.runner.IoFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What a host process's own shells have left in its directory. The agent decides by these alone, so
 * it makes no difference whether it saw them happen or was started afterwards.
 *
 * @param supervisor absent: not written yet
 * @param leader first process of the task's session; absent: not written yet
 */
record Signs(Marks marks, @Nullable Known supervisor, @Nullable Known leader) {

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
    Marks marks = Marks.read(io);
    return new Signs(
        marks,
        marks.started()
            ? known(io.resolve(IoFiles.STARTED), before == null ? null : before.supervisor())
            : null,
        marks.pid()
            ? known(io.resolve(IoFiles.PID), before == null ? null : before.leader())
            : null);
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
