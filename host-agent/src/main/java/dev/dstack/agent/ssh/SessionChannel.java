package dev.dstack.agent.ssh;

import dev.dstack.agent.AgentLog;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.apache.sshd.common.SshConstants;
import org.apache.sshd.common.channel.Channel;
import org.apache.sshd.common.channel.RequestHandler;
import org.apache.sshd.common.io.IoWriteFuture;
import org.apache.sshd.common.util.buffer.Buffer;
import org.jspecify.annotations.Nullable;

/** One shell, command or subsystem of somebody who logged in. */
final class SessionChannel extends WireChannel {
  /** Signals by their names in the protocol. */
  private static final Map<String, Integer> SIGNALS =
      Map.ofEntries(
          Map.entry("HUP", 1),
          Map.entry("INT", 2),
          Map.entry("QUIT", 3),
          Map.entry("ILL", 4),
          Map.entry("ABRT", 6),
          Map.entry("FPE", 8),
          Map.entry("KILL", 9),
          Map.entry("USR1", 10),
          Map.entry("SEGV", 11),
          Map.entry("USR2", 12),
          Map.entry("PIPE", 13),
          Map.entry("ALRM", 14),
          Map.entry("TERM", 15));

  private static final int STACK_BYTES = 256 * 1024;
  private static final int CANNOT_RUN = 126;
  private static final int NO_PROGRAM = 127;

  private final SessionHost host;
  private final Connections connections;
  private final AgentLog agentLog;
  private final Map<String, String> wanted = new TreeMap<>();
  private @Nullable TerminalRequest terminal;
  private @Nullable Work pending;
  private boolean begun;
  private volatile @Nullable SessionProcess process;

  /** What the client asked for. */
  private sealed interface Work {
    record Shell() implements Work {}

    record Command(String text) implements Work {}

    record Sftp() implements Work {}
  }

  SessionChannel(SessionHost host, Connections connections, AgentLog agentLog) {
    super(WINDOW_BYTES);
    this.host = host;
    this.connections = connections;
    this.agentLog = agentLog;
  }

  @Override
  protected RequestHandler.Result handleInternalRequest(
      String request, boolean wantReply, Buffer buffer) throws IOException {
    return switch (request) {
      case "env" -> variable(buffer.getString(), buffer.getString());
      case "pty-req" -> {
        TerminalRequest asked = TerminalRequest.read(buffer);
        boolean first = terminal == null && !begun;
        terminal = first ? asked : terminal;
        yield first ? RequestHandler.Result.ReplySuccess : RequestHandler.Result.ReplyFailure;
      }
      case "window-change" -> resize(buffer);
      case "signal" -> signal(buffer.getString());
      case Channel.CHANNEL_SHELL -> begin(new Work.Shell());
      case Channel.CHANNEL_EXEC ->
          begin(new Work.Command(new String(buffer.getBytes(), StandardCharsets.UTF_8)));
      case Channel.CHANNEL_SUBSYSTEM ->
          buffer.getString().equals("sftp")
              ? begin(new Work.Sftp())
              : RequestHandler.Result.ReplyFailure;
      case "auth-agent-req", "auth-agent-req@openssh.com" -> forwardAgent();
      case "x11-req" -> RequestHandler.Result.ReplyFailure;
      default -> super.handleInternalRequest(request, wantReply, buffer);
    };
  }

  private RequestHandler.Result begin(Work work) {
    if (begun) {
      return RequestHandler.Result.ReplyFailure;
    }
    begun = true;
    pending = work;
    return RequestHandler.Result.ReplySuccess;
  }

  /** The client must hear that its request was accepted before it gets any output. */
  @Override
  protected IoWriteFuture sendResponse(
      Buffer buffer, String request, RequestHandler.Result result, boolean wantReply)
      throws IOException {
    IoWriteFuture future = super.sendResponse(buffer, request, result, wantReply);
    Work work = pending;
    if (work != null) {
      pending = null;
      thread("session", () -> run(work)).start();
    }
    return future;
  }

  /** Only what can do no harm: a client must not choose, say, what is loaded into a program. */
  private RequestHandler.Result variable(String name, String value) {
    boolean taken =
        name.equals("LANG")
            || name.startsWith("LC_")
            || name.equals("COLORTERM")
            || name.equals("NO_COLOR");
    if (taken && !begun) {
      wanted.put(name, value);
    }
    return taken ? RequestHandler.Result.ReplySuccess : RequestHandler.Result.ReplyFailure;
  }

  private RequestHandler.Result resize(Buffer buffer) throws IOException {
    int columns = buffer.getInt();
    int rows = buffer.getInt();
    int width = buffer.getInt();
    int height = buffer.getInt();
    SessionProcess running = process;
    TerminalRequest asked = terminal;
    if (asked != null) {
      terminal = new TerminalRequest(asked.term(), columns, rows, width, height, asked.modes());
    }
    if (running != null) {
      running.resize(columns, rows, width, height);
    }
    return RequestHandler.Result.ReplySuccess;
  }

  private RequestHandler.Result signal(String name) {
    Integer number = SIGNALS.get(name.toUpperCase(Locale.ROOT));
    SessionProcess running = process;
    if (number == null || running == null) {
      return RequestHandler.Result.ReplyFailure;
    }
    running.signal(number);
    return RequestHandler.Result.ReplySuccess;
  }

  private RequestHandler.Result forwardAgent() {
    try {
      wanted.put("SSH_AUTH_SOCK", connections.agentSocket(getSession(), service, host).toString());
      return RequestHandler.Result.ReplySuccess;
    } catch (IOException e) {
      agentLog.warn("no socket could be made for a forwarded SSH agent", e);
      return RequestHandler.Result.ReplyFailure;
    }
  }

  @Override
  void gone() {
    SessionProcess running = process;
    if (running != null) {
      running.abandon();
    }
  }

  private void run(Work work) {
    try {
      if (!host.running()) {
        refuse("The job has ended; only its log can be read here.", CANNOT_RUN);
        return;
      }
      switch (work) {
        case Work.Sftp() when host.launcher().isEmpty() -> {
          try (InputStream in = input();
              OutputStream out = output()) {
            new SftpServer(place(), host.home(), in, out).serve();
          }
          finish(new SessionProcess.Exit(0, 0));
        }
        case Work.Sftp() -> execute(host.sftpCommand());
        case Work.Shell() -> inShell(List.of());
        case Work.Command(String text) -> inShell(List.of("-c", text));
      }
    } catch (IOException e) {
      // The client is gone, most of the time; it can't be told any more then.
      close(true);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      close(true);
    } catch (RuntimeException e) {
      agentLog.warn("an SSH session failed", e);
      close(true);
    }
  }

  private void inShell(List<String> arguments) throws IOException, InterruptedException {
    String shell = shell();
    if (shell == null) {
      refuse(
          "This image has no shell ("
              + String.join(", ", host.shells())
              + "), so nothing can be run here. Files (sftp) and forwarded ports work.",
          NO_PROGRAM);
      return;
    }
    List<String> command = new ArrayList<>();
    command.add(shell);
    command.addAll(arguments);
    execute(command);
  }

  private @Nullable String shell() {
    return host.shells().stream()
        .filter(shell -> Files.isExecutable(Path.of(shell)))
        .findFirst()
        .orElse(null);
  }

  private void execute(List<String> command) throws IOException, InterruptedException {
    List<String> whole = new ArrayList<>(host.launcher());
    whole.addAll(command);
    SessionProcess started;
    try {
      started = SessionProcess.start(whole, environment(), place(), terminal, host.terminalOwner());
    } catch (IOException e) {
      refuse("The session could not be started: " + e.getMessage(), CANNOT_RUN);
      return;
    }
    process = started;
    TerminalRequest asked = terminal;
    if (asked != null) {
      // The window may have changed while the program was being started.
      started.resize(asked.columns(), asked.rows(), asked.width(), asked.height());
    }
    if (isClosing()) {
      started.abandon();
    }
    started.startFeeding();
    Thread feeder = thread("session-in", () -> feed(started));
    feeder.start();
    Thread output = thread("session-out", () -> pump(started, false));
    output.start();
    Thread errors = started.isTerminal() ? null : thread("session-err", () -> pump(started, true));
    if (errors != null) {
      errors.start();
    }
    SessionProcess.Exit exit = started.waitFor();
    output.join();
    if (errors != null) {
      errors.join();
    }
    finish(exit);
    feeder.join();
    started.close();
  }

  private void pump(SessionProcess from, boolean errors) {
    try {
      from.pump(errors, PACKET_BYTES, (bytes, length) -> send(bytes, 0, length, errors));
    } catch (IOException e) {
      from.abandon();
    }
  }

  private void feed(SessionProcess to) {
    try (LibC.Calls calls = new LibC.Calls()) {
      try {
        byte[] piece = take();
        boolean wants = true;
        while (piece != null) {
          // A program that reads no more must not stop the client from talking on.
          wants = wants && to.feed(calls, piece, piece.length);
          taken(piece.length);
          piece = take();
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      } finally {
        to.stopFeeding(calls);
      }
    } catch (IOException e) {
      to.abandon();
    }
  }

  private Map<String, String> environment() {
    Map<String, String> environment = new TreeMap<>(host.environment());
    environment.put("HOME", host.home().toString());
    environment.put("USER", host.username());
    environment.put("LOGNAME", host.username());
    String shell = shell();
    if (shell != null) {
      environment.put("SHELL", shell);
    }
    String[] ends = connections.ends(getSession());
    environment.put("SSH_CLIENT", ends[0] + " " + ends[1] + " " + ends[3]);
    environment.put("SSH_CONNECTION", String.join(" ", ends));
    TerminalRequest asked = terminal;
    if (asked != null && !asked.term().isEmpty()) {
      environment.put("TERM", asked.term());
    }
    environment.putAll(wanted);
    return environment;
  }

  private Path place() {
    for (Path place : List.of(host.directory(), host.home())) {
      if (Files.isDirectory(place) && (Files.isExecutable(place) || !host.launcher().isEmpty())) {
        return place;
      }
    }
    return Path.of("/");
  }

  private void refuse(String words, int status) throws IOException {
    String end = terminal == null ? "\n" : "\r\n";
    byte[] bytes = (words + end).getBytes(StandardCharsets.UTF_8);
    send(bytes, 0, bytes.length, terminal == null);
    finish(new SessionProcess.Exit(status, 0));
  }

  private void finish(SessionProcess.Exit exit) throws IOException {
    if (isClosing()) {
      return;
    }
    sendEndOfData();
    String signal =
        SIGNALS.entrySet().stream()
            .filter(entry -> entry.getValue() == exit.signal())
            .map(Map.Entry::getKey)
            .findFirst()
            .orElse(null);
    if (signal == null) {
      sendExitStatus(exit.status());
    } else {
      Buffer buffer = getSession().createBuffer(SshConstants.SSH_MSG_CHANNEL_REQUEST, 64);
      buffer.putUInt(getRecipient());
      buffer.putString("exit-signal");
      buffer.putBoolean(false);
      buffer.putString(signal);
      buffer.putBoolean(false);
      buffer.putString("");
      buffer.putString("");
      writePacket(buffer);
    }
    close(false);
  }

  private static Thread thread(String name, Runnable work) {
    return Thread.ofPlatform().daemon().stackSize(STACK_BYTES).name("ssh-" + name).unstarted(work);
  }
}
