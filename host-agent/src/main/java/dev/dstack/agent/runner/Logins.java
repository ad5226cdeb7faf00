package dev.dstack.agent.runner;

import dev.dstack.agent.AgentLog;
import dev.dstack.agent.Durable;
import dev.dstack.agent.live.LogClock;
import dev.dstack.agent.live.LogFile;
import dev.dstack.agent.ssh.JobSshServer;
import dev.dstack.agent.ssh.SessionHost;
import dev.dstack.agent.ssh.Usage;
import dev.dstack.model.agent.AccessRequest;
import dev.dstack.model.json.Json;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * The SSH server of the container. It comes up beside the command and never keeps it from running:
 * without it the command's work is done all the same.
 */
final class Logins implements AutoCloseable {
  private static final Duration LOOK = Duration.ofMillis(500);

  /** For those who follow the log to get the end of it. */
  private static final Duration FAREWELL = Duration.ofSeconds(2);

  private final RunnerRequest request;
  private final Surroundings surroundings;
  private final Path io;
  private final AgentLog log;
  private final InstantSource clock;
  private final LogClock times = new LogClock();
  private final CompletableFuture<JobSshServer> server = new CompletableFuture<>();
  private volatile boolean over;
  private volatile int connections;

  /**
   * @param environment of the command, and of every session
   */
  record Surroundings(Account account, Map<String, String> environment, Path workingDir) {}

  private Logins(
      RunnerRequest request,
      Surroundings surroundings,
      Path io,
      AgentLog log,
      InstantSource clock) {
    this.request = request;
    this.surroundings = surroundings;
    this.io = io;
    this.log = log;
    this.clock = clock;
  }

  /** Returns at once. */
  static Logins start(
      RunnerRequest request,
      Surroundings surroundings,
      Path io,
      AgentLog log,
      InstantSource clock) {
    Logins logins = new Logins(request, surroundings, io, log, clock);
    AccessRequest access = request.access();
    if (access != null && request.sshPort() > 0) {
      Thread.ofPlatform().daemon().name("logins").start(() -> logins.serve(access));
    }
    return logins;
  }

  private void serve(AccessRequest access) {
    try {
      InetAddress address =
          request.sshLoopbackOnly()
              ? InetAddress.getByAddress(new byte[] {127, 0, 0, 1})
              : InetAddress.getByAddress(new byte[4]);
      LogFile output = new LogFile(io.resolve(IoFiles.LOG), () -> over, times);
      Usage usage = new Usage(clock, null, this::tell);
      tell(usage.now());
      server.complete(
          JobSshServer.start(
              new JobSshServer.Settings(
                  new InetSocketAddress(address, request.sshPort()),
                  access.authorizedKeys(),
                  access.hostKey(),
                  io.resolve("host_key")),
              new Container(),
              output,
              usage,
              log));
      log.info("logins by SSH are possible on port " + request.sshPort());
      while (true) {
        look();
        Thread.sleep(LOOK);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException | RuntimeException e) {
      server.completeExceptionally(e);
      log.warn("nobody can log in: port " + request.sshPort() + " can't be served", e);
    }
  }

  private void look() throws IOException {
    Path output = io.resolve(IoFiles.LOG);
    times.mark(Files.exists(output) ? Files.size(output) : 0, clock.instant());
  }

  int connections() {
    return connections;
  }

  private void tell(Usage.Now now) {
    connections = now.connections();
    byte[] json =
        Json.lenient()
            .writeValueAsBytes(new IoFiles.Sessions(now.connections(), now.unusedSince()));
    try {
      Durable.write(io.resolve(IoFiles.SESSIONS), json, "rw-r--r--", false);
    } catch (IOException e) {
      log.warn("who is logged in could not be told", e);
    }
  }

  /** The command has ended: nothing is started any more, and who follows the log gets the rest. */
  @Override
  public void close() {
    over = true;
    if (!server.isDone()) {
      return;
    }
    try {
      if (!server.join().awaitLogReaders(FAREWELL)) {
        log.info("somebody who follows the log did not get all of it in time");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (CompletionException e) {
      log.info("there were no logins");
    }
  }

  /** Sessions are processes of this container and of its user. */
  private final class Container implements SessionHost {
    @Override
    public Map<String, String> environment() {
      return surroundings.environment();
    }

    @Override
    public Path directory() {
      return home();
    }

    @Override
    public Path home() {
      return Path.of(surroundings.account().home());
    }

    @Override
    public String username() {
      return surroundings.account().name();
    }

    @Override
    public List<String> shells() {
      List<String> shells = new ArrayList<>();
      shells.add(surroundings.account().shell());
      String wanted = surroundings.environment().get("SHELL");
      if (wanted != null) {
        shells.add(wanted);
      }
      shells.addAll(List.of("/bin/bash", "/usr/bin/bash", "/bin/sh", "/usr/bin/sh", "/busybox/sh"));
      shells.removeIf(shell -> !shell.startsWith("/"));
      return shells;
    }

    @Override
    public List<String> launcher() {
      return List.of();
    }

    @Override
    public int terminalOwner() {
      return -1;
    }

    @Override
    public List<String> sftpCommand() {
      return List.of();
    }

    @Override
    public boolean running() {
      return !over;
    }
  }
}
