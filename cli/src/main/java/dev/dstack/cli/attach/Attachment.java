package dev.dstack.cli.attach;

import dev.dstack.cli.Cli;
import dev.dstack.cli.Session;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.http.ApiClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A connection to a running job, which makes {@code ssh NAME} work while it lasts. Another process
 * that is attached to the same job already lends its connection.
 */
public final class Attachment implements AutoCloseable {
  private static final Duration TRYING = Duration.ofSeconds(20);

  /** A key that is not accepted now will hardly be later. */
  private static final Duration REFUSED = Duration.ofSeconds(2);

  /** Longer paths don't fit into the address of a UNIX socket, with what ssh adds. */
  private static final int SOCKET_PATH = 90;

  /**
   * @param identity a private key of the person's own, instead of the one the server keeps
   * @param bind where forwarded ports listen
   */
  public record Options(@Nullable Path identity, String bind, List<PortMapping> overrides) {
    public Options {
      overrides = List.copyOf(overrides);
    }

    public static final Options PLAIN = new Options(null, "localhost", List.of());
  }

  private final Cli cli;
  private final Session session;
  private final Doc run;
  private final Doc job;
  private final Options options;
  private final String name;
  private final Path directory;
  private final Object lock = new Object();
  private Map<Integer, Integer> ports = Map.of();
  private @Nullable PortsLock promised;
  private @Nullable SshTunnel tunnel;
  private @Nullable Map<String, Map<String, String>> written;
  private @Nullable Thread onExit;
  private @Nullable String note;
  private boolean closed;

  /**
   * @param promised ports that were promised before; null to look for free ones now
   */
  public Attachment(
      Cli cli, Session session, Doc run, Doc job, Options options, @Nullable PortsLock promised) {
    this.cli = cli;
    this.session = session;
    this.run = run;
    this.job = job;
    this.options = options;
    this.promised = promised;
    this.name = hostName(run, job);
    this.directory = cli.dstackHome().resolve("ssh");
  }

  /** What comes after {@code ssh}: the run's name, or the job's where it is not the first. */
  public static String hostName(Doc run, Doc job) {
    Doc spec = job.get("job_spec");
    boolean first = spec.get("replica_num").integer(0) == 0 && spec.get("job_num").integer(0) == 0;
    String runName = run.at("run_spec", "run_name").text("-");
    return first ? runName : spec.get("job_name").text(runName);
  }

  public String host() {
    return name;
  }

  /** Of the job → local, without the one of the output. */
  public Map<Integer, Integer> ports() {
    synchronized (lock) {
      Map<Integer, Integer> shown = new LinkedHashMap<>(ports);
      shown.remove(PortsLock.LOGS);
      return shown;
    }
  }

  /** Another try at the same job, with the same local ports where there were some. */
  public Attachment again() {
    List<PortMapping> same =
        ports().entrySet().stream()
            .map(port -> new PortMapping(port.getKey(), port.getValue()))
            .toList();
    Options again =
        new Options(
            options.identity(), options.bind(), same.isEmpty() ? options.overrides() : same);
    return new Attachment(cli, session, run, job, again, null);
  }

  /** Something the person should know although it works; null where all is well. */
  public @Nullable String note() {
    synchronized (lock) {
      return note;
    }
  }

  /** The job's output from its start, live. */
  public LogSocket logs() throws IOException {
    Integer port;
    synchronized (lock) {
      port = ports.get(PortsLock.LOGS);
    }
    if (port == null) {
      throw new IOException("the port of the output is not forwarded");
    }
    return LogSocket.open("localhost", port, "/logs_ws");
  }

  /**
   * Comes back when the connection is up.
   *
   * @throws AttachException why there is none
   */
  public void connect() throws AttachException, InterruptedException {
    Path ssh = SshClient.find(cli.env());
    if (ssh == null) {
      throw new AttachException("no SSH client is installed here (`ssh`, of OpenSSH)");
    }
    Path control = control();
    if (control.toString().length() > SOCKET_PATH) {
      throw new AttachException("the path " + control + " is too long for a socket");
    }
    try {
      Optional<ProcessHandle> other = SshTunnel.master(control);
      if (other.isPresent()) {
        adopt(SshTunnel.forwarded(other.get()));
      } else {
        open(ssh, control);
      }
    } catch (IOException e) {
      throw new AttachException("the SSH client can't be started: " + e.getMessage());
    }
  }

  private Path control() {
    return directory.resolve(name + ".control.sock");
  }

  /**
   * From now on {@code onBroken} is told, once, when the connection ends without {@link #close}.
   */
  public void watch(Runnable onBroken) {
    Optional<ProcessHandle> master = SshTunnel.master(control());
    Runnable told =
        () -> {
          if (!isClosed()) {
            onBroken.run();
          }
        };
    if (master.isPresent()) {
      var _ = master.get().onExit().thenRun(told);
    } else if (!Files.exists(control())) {
      told.run();
    }
  }

  private void adopt(Map<Integer, Integer> known) {
    synchronized (lock) {
      ports = known;
      note = "another `dstack` is attached to " + name + " already; its connection is shared";
      if (promised != null) {
        promised.close();
      }
    }
  }

  private void open(Path ssh, Path control)
      throws AttachException, IOException, InterruptedException {
    Path config = directory.resolve("config");
    Path identity;
    try (ApiClient api = session.api().another()) {
      Path own = options.identity();
      identity =
          own == null
              ? UserKey.find(
                  api, directory, run.at("run_spec", "ssh_key_pub").text(), cli.clock().instant())
              : own;
    }
    Map<String, Map<String, String>> hosts = JobHosts.of(name, job, identity);
    include(config);
    SshTunnel opened;
    synchronized (lock) {
      if (closed) {
        return;
      }
      PortsLock held = promised;
      PortsLock ready =
          held == null ? PortsLock.forJob(job.get("job_spec"), options.overrides()) : held;
      promised = ready;
      ports = ready.ports();
      new SshConfigFile(config).put(hosts);
      written = hosts;
      Thread hook = new Thread(this::undo, "detach");
      Runtime.getRuntime().addShutdownHook(hook);
      onExit = hook;
      opened =
          new SshTunnel(
              new SshTunnel.Plan(ssh, config, identity, control, name, options.bind(), ports));
      tunnel = opened;
      ready.close(); // from here on they are the tunnel's
    }
    try {
      connected(opened);
    } catch (AttachException e) {
      close();
      throw e;
    }
  }

  /** A job's SSH server needs a moment after the job is said to run. */
  private void connected(SshTunnel opened)
      throws AttachException, IOException, InterruptedException {
    long end = System.nanoTime() + TRYING.toNanos();
    for (long pause = 50; !isClosed(); pause = Math.min(1000, pause * 2)) {
      try {
        opened.open();
        return;
      } catch (AttachException e) {
        boolean refused = e.text().equals(SshTunnel.REFUSED);
        if (System.nanoTime() > (refused ? end - TRYING.toNanos() + REFUSED.toNanos() : end)) {
          throw e;
        }
      }
      synchronized (lock) {
        if (!closed) {
          lock.wait(pause);
        }
      }
    }
    throw new AttachException("it was not waited for");
  }

  private void include(Path config) {
    Path userFile = cli.home().resolve(".ssh/config");
    try {
      new SshConfigFile(userFile).include(config, "~/.dstack/ssh/config");
    } catch (IOException e) {
      synchronized (lock) {
        note =
            userFile
                + " can't be written ("
                + e.getMessage()
                + "), so `ssh "
                + name
                + "` needs `-F "
                + config
                + "`";
      }
    }
  }

  private boolean isClosed() {
    synchronized (lock) {
      return closed;
    }
  }

  /** Ends the connection where it is this one's, and takes the hosts out of the configuration. */
  @Override
  public void close() {
    Thread hook;
    synchronized (lock) {
      if (closed) {
        return;
      }
      closed = true;
      lock.notifyAll();
      hook = onExit;
    }
    if (hook != null) {
      try {
        Runtime.getRuntime().removeShutdownHook(hook);
      } catch (IllegalStateException e) {
        return; // the hook is at it
      }
    }
    undo();
  }

  private void undo() {
    SshTunnel opened;
    Map<String, Map<String, String>> hosts;
    synchronized (lock) {
      closed = true;
      opened = tunnel;
      tunnel = null;
      hosts = written;
      written = null;
      if (promised != null) {
        promised.close();
      }
    }
    if (opened != null) {
      opened.close();
    }
    if (hosts != null) {
      try {
        new SshConfigFile(directory.resolve("config")).remove(hosts.keySet());
      } catch (IOException e) {
        // The next attach to a run of this name replaces them.
      }
    }
  }
}
