package dev.dstack.agent.task;

import dev.dstack.agent.host.Processes;
import dev.dstack.agent.host.TaskUser;
import dev.dstack.model.agent.TaskRequest;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * How a task becomes processes. Three shells, none of which needs the agent to be alive:
 *
 * <ol>
 *   <li>The supervisor, in its own session. Its first act is to create {@code started}, which only
 *       one can: so the command never runs twice, however often the agent dies around the start. It
 *       collects the output through a pipe into {@code log}, and says how the command ended by
 *       renaming {@code armed} to {@code exit-STATUS}, which needs no space on a full disk.
 *   <li>The leader, in the session that becomes the task's: notes in {@code pid} who it is, opens
 *       and removes the start script, gives up rights where the task has another user.
 *   <li>The start script, read from standard input, so that the environment with its secrets is
 *       neither in an argument that others see nor in a file once the task runs.
 * </ol>
 *
 * A pipe and not a file is the command's output, because a script that writes to /dev/stderr would
 * cut a file to nothing.
 */
final class Launch {
  static final String DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

  /** The kernel takes no longer single argument, and no longer NAME=VALUE. */
  static final int MAX_ARGUMENT_BYTES = 128 * 1024 - 1;

  static final int MAX_TOTAL_BYTES = 1536 * 1024;

  // Its stderr is joined to the output here and not by the supervisor, whose own words about a
  // killed child would go there too.
  private static final String LEADER =
      """
      exec 2>&1
      read -r boot < /proc/sys/kernel/random/boot_id
      read -r stat < /proc/$$/stat
      echo "$boot $stat" > pid.tmp && mv pid.tmp pid || exit 125
      exec < "$1/start.sh" || exit 125
      rm -f "$1/start.sh"
      shift
      exec "$@" /bin/sh
      """;

  private static final String SUPERVISOR =
      """
      cd "$1" || exit 98
      leader=$2
      shift 2
      umask 077
      read -r boot < /proc/sys/kernel/random/boot_id
      read -r stat < /proc/$$/stat
      set -C
      echo "$boot $stat" > started || exit 99
      set +C
      : > armed
      : > logging
      {
        setsid /bin/sh -c "$leader" leader "$@"
        mv armed "exit-$?"
      } | cat >> log
      mv logging "logged-$?"
      """;

  private static final Pattern VARIABLE = Pattern.compile("[A-Za-z_][A-Za-z0-9_]*");

  /** Shells keep these for themselves and may refuse to set them. */
  private static final Set<String> SHELLS_OWN =
      Set.of(
          "BASHOPTS",
          "BASHPID",
          "BASH_ARGC",
          "BASH_ARGV",
          "BASH_LINENO",
          "BASH_SOURCE",
          "BASH_VERSINFO",
          "DIRSTACK",
          "EUID",
          "FUNCNAME",
          "GROUPS",
          "HISTCMD",
          "IFS",
          "LINENO",
          "OLDPWD",
          "OPTIND",
          "PIPESTATUS",
          "PPID",
          "PWD",
          "RANDOM",
          "SECONDS",
          "SHELLOPTS",
          "SHLVL",
          "UID");

  private Launch() {}

  /**
   * @throws DstackException INVALID_SPEC naming the field
   */
  static void check(TaskRequest request) {
    boolean none = request.command().isEmpty();
    if ((none && request.container() == null)
        || (!none && request.command().getFirst().isEmpty())) {
      throw invalid("command: must not be empty");
    }
    long total = 0;
    for (String argument : request.command()) {
      total += checkText("command", argument, MAX_ARGUMENT_BYTES);
    }
    for (Map.Entry<String, String> variable : request.env().entrySet()) {
      String name = variable.getKey();
      if (!VARIABLE.matcher(name).matches()) {
        throw invalid(
            "env: '"
                + name
                + "' can't be a variable of a process on this host; use letters, digits and _");
      }
      total +=
          checkText("env." + name, variable.getValue(), MAX_ARGUMENT_BYTES - name.length() - 1);
    }
    if (total > MAX_TOTAL_BYTES) {
      throw invalid(
          "command and env together have "
              + total
              + " bytes, the limit for a process is "
              + MAX_TOTAL_BYTES
              + "; put large values into files");
    }
  }

  private static int checkText(String field, @Nullable String value, int limit) {
    if (value == null) {
      throw invalid(field + ": must not be null");
    }
    if (value.indexOf('\0') >= 0) {
      throw invalid(field + ": holds a character with the code 0");
    }
    int length = value.getBytes(StandardCharsets.UTF_8).length;
    if (length > limit) {
      throw invalid(
          field
              + ": has "
              + length
              + " bytes, the limit for one argument or variable is "
              + limit
              + "; put it into a file");
    }
    return length;
  }

  /** The variables a task gets: what was asked for, over a few defaults. */
  static Map<String, String> environment(TaskRequest request, TaskUser user) {
    Map<String, String> env = new TreeMap<>();
    env.put("HOME", user.home());
    env.put("USER", user.name());
    env.put("LOGNAME", user.name());
    String path = System.getenv("PATH");
    env.put("PATH", user.other() || path == null || path.isEmpty() ? DEFAULT_PATH : path);
    String language = System.getenv("LANG");
    env.put("LANG", language == null || language.isEmpty() ? "C.UTF-8" : language);
    // Output goes through a pipe; without this Python would keep lines back until it has 8 kB.
    env.put("PYTHONUNBUFFERED", "1");
    env.putAll(request.env());
    env.put(Processes.MARK, request.id().toString());
    return env;
  }

  static byte[] startScript(TaskRequest request, Map<String, String> env, Path workingDir) {
    StringBuilder script = new StringBuilder();
    String directory = quote(workingDir.toString());
    script.append("umask 022\n");
    script.append("mkdir -p -- ").append(directory).append(" 2> /dev/null\n");
    script.append("cd -- ").append(directory).append(" || {\n");
    script.append("  echo \"the working directory can't be entered\" >&2\n  exit 125\n}\n");
    script.append("export DSTACK_WORKING_DIR=").append(directory).append('\n');
    List<String> late = new ArrayList<>();
    env.forEach(
        (name, value) -> {
          if (SHELLS_OWN.contains(name)) {
            late.add(quote(name + "=" + value));
          } else {
            script.append("export ").append(name).append('=').append(quote(value)).append('\n');
          }
        });
    // Added by some shells on their own.
    script.append("unset OLDPWD\n");
    script.append("exec");
    if (!late.isEmpty()) {
      script.append(" /usr/bin/env");
      late.forEach(assignment -> script.append(' ').append(assignment));
    }
    request.command().forEach(argument -> script.append(' ').append(quote(argument)));
    script.append(" < /dev/null\n");
    return script.toString().getBytes(StandardCharsets.UTF_8);
  }

  static String quote(String text) {
    return "'" + text.replace("'", "'\\''") + "'";
  }

  /**
   * Why the command can't be started, in words; absent: it can, as far as one can see from here.
   */
  static @Nullable String obstacle(String program, String path, Path workingDir) {
    if (program.indexOf('/') >= 0) {
      Path file = workingDir.resolve(program);
      if (!Files.exists(file)) {
        return "there is no file " + file;
      }
      return Files.isExecutable(file) && !Files.isDirectory(file)
          ? null
          : file + " is not executable";
    }
    for (String directory : path.split(":")) {
      Path file = workingDir.resolve(directory).resolve(program);
      if (Files.isExecutable(file) && !Files.isDirectory(file)) {
        return null;
      }
    }
    return "there is no program '" + program + "' on the PATH of this host (" + path + ")";
  }

  /** Starts the supervisor; it is on its own from then on. */
  static Process spawn(Path taskDirectory, Path ioDirectory, TaskUser user) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                "setsid",
                "/bin/sh",
                "-c",
                SUPERVISOR,
                "dstack-task",
                ioDirectory.toString(),
                LEADER,
                taskDirectory.toString()));
    if (user.other()) {
      command.add("setpriv");
      command.add("--reuid=" + user.uid());
      command.add("--regid=" + user.gid());
      command.add(user.known() ? "--init-groups" : "--clear-groups");
      command.add("--inh-caps=-all");
    }
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.DISCARD);
    builder.environment().clear();
    builder.environment().put("PATH", DEFAULT_PATH);
    return builder.start();
  }

  private static DstackException invalid(String message) {
    return new DstackException(ErrorKind.INVALID_SPEC, message);
  }
}
