package dev.dstack.cli.attach;

import java.io.File;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * One {@code ssh} in the background that holds the connection to a job and its forwarded ports. It
 * is found and ended through its control socket.
 */
final class SshTunnel {
  static final String REFUSED =
      "the job does not accept the key; it knows the one it was submitted with";

  private static final Duration OPENING = Duration.ofSeconds(15);
  private static final Duration CLOSING = Duration.ofSeconds(5);

  /** {@code [bind:]local:localhost:remote}, the value of {@code -L}. */
  private static final Pattern FORWARD =
      Pattern.compile("(?:\\[[^\\]]*\\]:|[\\w.-]+:)?(\\d+):localhost:(\\d+)");

  /**
   * @param config the file that knows the host
   * @param control the socket
   * @param bind where the forwarded ports listen; the job's output listens on localhost only
   */
  record Plan(
      Path ssh,
      Path config,
      Path identity,
      Path control,
      String host,
      String bind,
      Map<Integer, Integer> ports) {

    List<String> openCommand(Path log) {
      List<String> command =
          new ArrayList<>(
              List.of(
                  ssh.toString(),
                  "-F",
                  config.toString(),
                  "-i",
                  identity.toString(),
                  "-E",
                  log.toString(),
                  "-N",
                  "-f",
                  "-o",
                  "ControlMaster=auto",
                  "-S",
                  control.toString(),
                  "-o",
                  "ExitOnForwardFailure=yes",
                  "-o",
                  "ConnectTimeout=5",
                  "-o",
                  "ServerAliveInterval=15"));
      ports.forEach(
          (remote, local) -> {
            String here = remote == PortsLock.LOGS ? "localhost" : bind;
            command.add("-L");
            command.add(
                (here.indexOf(':') >= 0 ? "[" + here + "]" : here)
                    + ":"
                    + local
                    + ":localhost:"
                    + remote);
          });
      command.add(host);
      return command;
    }

    /** Not through the user's settings, and never with a question. */
    List<String> closeCommand() {
      return List.of(
          ssh.toString(),
          "-F",
          "none",
          "-o",
          "BatchMode=yes",
          "-S",
          control.toString(),
          "-O",
          "exit",
          host);
    }
  }

  private final Plan plan;
  private volatile boolean closed;
  private volatile @Nullable Process opening;

  SshTunnel(Plan plan) {
    this.plan = plan;
  }

  /**
   * Tries once.
   *
   * @throws AttachException with what ssh said
   */
  void open() throws AttachException, IOException, InterruptedException {
    Path log = Files.createTempFile("dstack-ssh", ".log");
    try {
      // No pipes: the process that goes to the background keeps them open.
      Process process =
          new ProcessBuilder(plan.openCommand(log))
              .redirectInput(Redirect.from(new File("/dev/null")))
              .redirectOutput(Redirect.DISCARD)
              .redirectError(Redirect.DISCARD)
              .start();
      opening = process;
      if (closed) {
        process.destroyForcibly();
      }
      if (!process.waitFor(OPENING.toMillis(), TimeUnit.MILLISECONDS)) {
        process.destroyForcibly();
        throw new AttachException(
            "no connection within " + OPENING.toSeconds() + " seconds" + said(log));
      }
      if (process.exitValue() != 0) {
        throw new AttachException(reason(Files.readString(log, StandardCharsets.ISO_8859_1)));
      }
    } finally {
      opening = null;
      Files.deleteIfExists(log);
    }
    if (closed) {
      close(); // it was asked for while the connection came up
    }
  }

  /** Also from another thread, while it opens. */
  void close() {
    closed = true;
    Process process = opening;
    if (process != null) {
      process.destroyForcibly();
    }
    if (!Files.exists(plan.control())) {
      return;
    }
    try {
      Process exit =
          new ProcessBuilder(plan.closeCommand())
              .redirectInput(Redirect.from(new File("/dev/null")))
              .redirectOutput(Redirect.DISCARD)
              .redirectError(Redirect.DISCARD)
              .start();
      if (!exit.waitFor(CLOSING.toMillis(), TimeUnit.MILLISECONDS)) {
        exit.destroyForcibly();
        master(plan.control()).ifPresent(ProcessHandle::destroy);
      }
    } catch (IOException e) {
      master(plan.control()).ifPresent(ProcessHandle::destroy);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      master(plan.control()).ifPresent(ProcessHandle::destroy);
    }
  }

  /** The process behind a control socket, this client's or another's. */
  static Optional<ProcessHandle> master(Path control) {
    if (!Files.exists(control)) {
      return Optional.empty(); // looking at all processes takes a while
    }
    String socket = control.toString();
    return ProcessHandle.allProcesses()
        .filter(process -> isMaster(process.info().arguments().orElse(new String[0]), socket))
        .findFirst();
  }

  private static boolean isMaster(String[] arguments, String socket) {
    boolean forks = false;
    boolean named = false;
    for (int i = 0; i < arguments.length; i++) {
      forks |= arguments[i].equals("-f");
      named |=
          arguments[i].equals("-S") && i + 1 < arguments.length && arguments[i + 1].equals(socket);
    }
    return forks && named;
  }

  /** What it forwards: of the job → local. */
  static Map<Integer, Integer> forwarded(ProcessHandle master) {
    Map<Integer, Integer> ports = new LinkedHashMap<>();
    String[] arguments = master.info().arguments().orElse(new String[0]);
    for (int i = 0; i + 1 < arguments.length; i++) {
      Matcher forward = FORWARD.matcher(arguments[i + 1]);
      if (arguments[i].equals("-L") && forward.matches()) {
        ports.put(Integer.parseInt(forward.group(2)), Integer.parseInt(forward.group(1)));
      }
    }
    return ports;
  }

  private static String said(Path log) throws IOException {
    String text = lastLine(Files.readString(log, StandardCharsets.ISO_8859_1));
    return text.isEmpty() ? "" : ": " + text;
  }

  static String reason(String log) {
    if (log.contains("Permission denied (")) {
      return REFUSED;
    }
    String last = lastLine(log);
    return last.isEmpty() ? "ssh ended without a word" : last;
  }

  private static String lastLine(String log) {
    String last = "";
    for (String line : log.lines().map(String::strip).toList()) {
      if (!line.isEmpty() && !line.startsWith("Warning: Permanently added")) {
        last = line;
      }
    }
    return last;
  }
}
