package dev.dstack.agent.runner;

import dev.dstack.agent.runtime.RuntimeLayout;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The user's command as a process: in a session of its own, so that a signal reaches all of it, its
 * output joined in a pipe.
 */
final class Command {
  private static final String DEFAULT_PATH =
      "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  private static final String OOM_SCORE = "500";
  private static final File NULL = new File("/dev/null");

  private Command() {}

  /**
   * @param process the first process of the command, also its group and session
   */
  record Running(Process process, Output output) {
    void terminate() {
      Posix.kill(-Math.toIntExact(process.pid()), Posix.SIGTERM);
    }
  }

  static Running start(
      RuntimeLayout runtime,
      Path root,
      List<String> command,
      Map<String, String> environment,
      Path workingDir,
      Path log)
      throws IOException {
    List<String> argv = runtime.programCommand(root, "setsid");
    // When memory runs out the kernel is to end the command and not the runner, which tells of it.
    argv.addAll(runtime.programCommand(root, "choom"));
    argv.addAll(List.of("-n", OOM_SCORE, "--"));
    Map<String, String> late = new TreeMap<>(environment);
    late.keySet().removeIf(name -> !forLoader(name));
    if (!late.isEmpty()) {
      argv.addAll(runtime.programCommand(root, "env"));
      late.forEach((name, value) -> argv.add(name + "=" + value));
    }
    argv.addAll(command);
    ProcessBuilder user =
        new ProcessBuilder(argv)
            .directory(workingDir.toFile())
            .redirectInput(NULL)
            .redirectErrorStream(true);
    user.environment().clear();
    user.environment().putAll(environment);
    user.environment().keySet().removeAll(late.keySet());

    ProcessBuilder collector =
        new ProcessBuilder(runtime.programCommand(root, "cat"))
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
            .redirectError(ProcessBuilder.Redirect.DISCARD);
    collector.environment().clear();
    // First: a command that takes all the processes there may be must find its output collected.
    Process collecting = collector.start();
    File pipe = Path.of("/proc", Long.toString(collecting.pid()), "fd", "0").toFile();
    try (OutputStream _ = collecting.getOutputStream()) {
      Process running = user.redirectOutput(ProcessBuilder.Redirect.appendTo(pipe)).start();
      return new Running(running, new Output(collecting, log));
    }
  }

  /** What is meant for the image's loader and would be heeded by the runtime's own. */
  private static boolean forLoader(String name) {
    return name.startsWith("LD_") || name.equals("GLIBC_TUNABLES") || name.equals("LOCPATH");
  }

  /** Why the command can't be started, in words; absent: it can, as far as one can see. */
  static @Nullable String obstacle(String program, @Nullable String path, Path workingDir) {
    if (program.indexOf('/') >= 0) {
      Path file = workingDir.resolve(program);
      if (!Files.exists(file)) {
        return "there is no file " + file + " in the image";
      }
      return Files.isExecutable(file) && !Files.isDirectory(file)
          ? null
          : file + " is not executable";
    }
    String directories = path == null ? DEFAULT_PATH : path;
    for (String directory : directories.split(":")) {
      Path file = workingDir.resolve(directory).resolve(program);
      if (Files.isExecutable(file) && !Files.isDirectory(file)) {
        return null;
      }
    }
    return "there is no program '" + program + "' on the PATH of the image (" + directories + ")";
  }
}
