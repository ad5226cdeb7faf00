package dev.dstack.agent.ssh;

import dev.dstack.agent.AgentLog;
import dev.dstack.agent.Durable;
import dev.dstack.agent.host.TaskUser;
import dev.dstack.agent.live.LogFile;
import dev.dstack.model.agent.AccessRequest;
import dev.dstack.model.json.Json;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;

/**
 * Logins to one task that is a process of the host: a port on loopback, the same one for as long as
 * the task is there. A client often learns that a task runs when it has ended already; so the log
 * can be read for a short while after the end, and nothing else.
 */
public final class TaskAccess implements AutoCloseable {
  public static final String ACCESS_FILE = "access.json";
  private static final long LINGER_SECONDS = 20;
  private static final long LINGER_AT_MOST_SECONDS = 120;

  private final JobSshServer server;
  private final LogFile log;
  private final AtomicBoolean ending;
  private final AtomicBoolean ended;
  private final AgentLog agentLog;

  /**
   * What a task gives people.
   *
   * @param directory the task's own; the port and the server's key are kept in it
   * @param io where the raw log is
   * @param workingDir where sessions start
   * @param leader the task's first process, as long as it is there
   * @param times when which byte of the log was written
   */
  public record Task(
      Path directory,
      Path io,
      Path workingDir,
      TaskUser user,
      AccessRequest access,
      Supplier<OptionalInt> leader,
      LogFile.Times times) {}

  private TaskAccess(
      JobSshServer server,
      LogFile log,
      AtomicBoolean ending,
      AtomicBoolean ended,
      AgentLog agentLog) {
    this.server = server;
    this.log = log;
    this.ending = ending;
    this.ended = ended;
    this.agentLog = agentLog;
  }

  /** Also after a restart of the agent: then with the same port, unless somebody else took it. */
  public static TaskAccess open(Task task, InstantSource clock, AgentLog agentLog)
      throws IOException {
    AtomicBoolean ending = new AtomicBoolean();
    AtomicBoolean ended = new AtomicBoolean();
    HostSessions host =
        new HostSessions(task.user(), task.workingDir(), task.leader(), () -> !ending.get());
    LogFile log = new LogFile(task.io().resolve("log"), ended::get, task.times());
    Path sessions = task.directory().resolve("sessions.json");
    Usage usage =
        new Usage(clock, SessionsFile.lastUsed(sessions), new SessionsFile(sessions, agentLog));
    Path portFile = task.directory().resolve("ssh-port");
    JobSshServer server;
    try {
      server = start(task, port(portFile), host, log, usage, agentLog);
    } catch (BindException e) {
      agentLog.warn("the SSH port of a task was taken by somebody else, it gets a new one", null);
      server = start(task, 0, host, log, usage, agentLog);
    }
    Durable.write(
        portFile,
        Integer.toString(server.port()).getBytes(StandardCharsets.UTF_8),
        "rw-------",
        false);
    // Now, and not when somebody comes: a program may write over its environment later.
    Thread.ofVirtual().name("ssh-environment").start(host::environment);
    return new TaskAccess(server, log, ending, ended, agentLog);
  }

  private static JobSshServer start(
      Task task, int port, SessionHost host, LogFile log, Usage usage, AgentLog agentLog)
      throws IOException {
    return JobSshServer.start(
        new JobSshServer.Settings(
            new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port),
            task.access().authorizedKeys(),
            task.access().hostKey(),
            task.directory().resolve("ssh-host-key")),
        host,
        log,
        usage,
        agentLog);
  }

  private static int port(Path file) throws IOException {
    try {
      return Files.exists(file) ? Integer.parseInt(Files.readString(file).strip()) : 0;
    } catch (NumberFormatException e) {
      return 0;
    }
  }

  public int port() {
    return server.port();
  }

  public Usage.Now usage() {
    return server.usage();
  }

  /** The task is being ended: nobody starts anything in it any more. */
  public void ending() {
    ending.set(true);
  }

  /**
   * The task has ended, its processes are gone and its log is complete. Its directory may be
   * removed now; what is left here ends by itself.
   */
  public void ended() {
    ending();
    if (ended.compareAndSet(false, true)) {
      try {
        log.hold();
      } catch (IOException e) {
        agentLog.warn("the log of a task that has ended can't be shown", e);
      }
      log.appended();
      Thread.ofVirtual().name("ssh-linger").start(this::linger);
    }
  }

  private void linger() {
    try {
      TimeUnit.SECONDS.sleep(LINGER_SECONDS);
      for (long s = LINGER_SECONDS; s < LINGER_AT_MOST_SECONDS && usage().connections() > 0; s++) {
        TimeUnit.SECONDS.sleep(1);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      close();
    }
  }

  /** What a task's acceptance leaves for {@link #open}; without a key nobody can be let in. */
  public static void keep(Path directory, @Nullable AccessRequest access) throws IOException {
    if (access != null && !access.authorizedKeys().isEmpty()) {
      Durable.write(
          directory.resolve(ACCESS_FILE),
          Json.lenient().writeValueAsBytes(access),
          "rw-------",
          false);
    }
  }

  /** Absent: nobody can log in to this task. */
  public static @Nullable AccessRequest kept(Path directory) throws IOException {
    try {
      return Json.lenient()
          .readValue(Files.readAllBytes(directory.resolve(ACCESS_FILE)), AccessRequest.class);
    } catch (NoSuchFileException e) {
      return null;
    } catch (JacksonException e) {
      throw new IOException(directory.resolve(ACCESS_FILE) + " can't be read", e);
    }
  }

  /** Ends all connections at once. */
  @Override
  public void close() {
    try {
      server.close();
      log.close();
    } catch (IOException e) {
      agentLog.warn("the SSH server of a task could not be closed", e);
    }
  }
}
