package dev.dstack.backends.ssh;

import dev.dstack.backends.HostKeys;
import dev.dstack.backends.SshHostSpec;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import net.schmizz.keepalive.KeepAliveProvider;
import net.schmizz.keepalive.KeepAliveRunner;
import net.schmizz.sshj.DefaultConfig;
import net.schmizz.sshj.SSHClient;
import net.schmizz.sshj.common.SSHException;
import net.schmizz.sshj.connection.channel.direct.DirectConnection;
import net.schmizz.sshj.connection.channel.direct.Session;
import net.schmizz.sshj.transport.TransportException;
import net.schmizz.sshj.userauth.UserAuthException;
import org.jspecify.annotations.Nullable;

/**
 * The one connection of this worker to a host: commands, uploads and tunnels are channels of it. It
 * is opened when it is first needed and again when it was lost.
 *
 * <p>Failures are {@link DstackException}s: AGENT_UNREACHABLE may be tried again; FORBIDDEN and
 * INVALID_SPEC are for a person to mend.
 */
public final class HostConnection implements AutoCloseable {
  private static final int CONNECT_MILLIS = 5_000;
  private static final Duration LOGIN_WITHIN = Duration.ofSeconds(20);

  /** With three unanswered in a row the connection is over. */
  private static final int KEEP_ALIVE_SECONDS = 10;

  /**
   * A host that vanishes while it is sent much leaves the sender waiting, and with it everybody
   * else who has something to send, for as long as the network's own patience lasts.
   */
  private static final Duration STALLED_AFTER = Duration.ofSeconds(30);

  private static final int MOST_OUTPUT_BYTES = 1024 * 1024;

  private final SshHostSpec host;
  private final HostKeys keys;
  private final Duration stalledAfter;
  private final ReentrantLock opening = new ReentrantLock();
  private final Map<Integer, Tunnel> tunnels = new HashMap<>();
  private volatile @Nullable Link live;
  private volatile boolean closed;

  /**
   * What a command did.
   *
   * @param status absent: it was killed, or the host does not say
   */
  public record Ran(@Nullable Integer status, String out, String err) {
    public boolean succeeded() {
      return status != null && status == 0;
    }
  }

  HostConnection(SshHostSpec host, HostKeys keys) {
    this(host, keys, STALLED_AFTER);
  }

  /**
   * @param stalledAfter a host that takes nothing for so long is gone
   */
  HostConnection(SshHostSpec host, HostKeys keys, Duration stalledAfter) {
    this.host = host;
    this.keys = keys;
    this.stalledAfter = stalledAfter;
  }

  /** For people: {@code user@host:port}. */
  static String name(SshHostSpec host) {
    return host.user() + "@" + host.hostname() + (host.port() == 22 ? "" : ":" + host.port());
  }

  public String name() {
    return name(host);
  }

  /** Nothing is done while the connection lives. */
  public void open() {
    client();
  }

  /**
   * Whether the connection really carries something, for when an answer stays away. If it does not
   * it is given up, and the next call opens another.
   */
  public boolean answers(Duration within) {
    Link current = live;
    if (current == null || !current.works()) {
      return false;
    }
    try (Stall _ = Stall.watch(within.multipliedBy(2), current::sever)) {
      Object answer =
          current
              .client()
              .getConnection()
              .sendGlobalRequest("keepalive@openssh.com", true, new byte[0])
              .tryRetrieve(within.toMillis(), TimeUnit.MILLISECONDS);
      if (answer == null) {
        drop(current);
        return false;
      }
      return true;
    } catch (SSHException e) {
      // "No" is an answer, too.
      return current.works();
    }
  }

  /**
   * Runs a command of the host's shell.
   *
   * @param in its standard input; absent: none
   */
  public Ran run(String command, @Nullable InputStream in, Duration within) {
    Link current = client();
    try (Session session = current.client().startSession();
        Session.Command running = session.exec(command)) {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      ByteArrayOutputStream err = new ByteArrayOutputStream();
      Thread outReader = copying("ssh-out", running.getInputStream(), out);
      Thread errReader = copying("ssh-err", running.getErrorStream(), err);
      String cutOff = null;
      if (in != null) {
        cutOff = feed(in, running.getOutputStream(), current);
      } else {
        running.getOutputStream().close();
      }
      running.join(within.toMillis(), TimeUnit.MILLISECONDS);
      outReader.join(5_000);
      errReader.join(5_000);
      String problem = cutOff == null ? "" : "\nits input broke off: " + cutOff;
      return new Ran(running.getExitStatus(), text(out), text(err) + problem);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw unreachable("the call was given up", e);
    } catch (IOException e) {
      if (!current.works()) {
        drop(current);
      }
      throw unreachable("a command on it did not end: " + reason(e), e);
    }
  }

  /**
   * A command that ends before it has read everything says itself why.
   *
   * @return what broke it off; absent: nothing
   */
  private @Nullable String feed(InputStream in, OutputStream to, Link through) throws IOException {
    byte[] buffer = new byte[256 * 1024];
    try (Stall stall = Stall.watch(stalledAfter, through::sever);
        OutputStream out = to) {
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        out.write(buffer, 0, read);
        stall.moved();
      }
      // Closing alone drops what the host has no room for at this moment.
      out.flush();
      return null;
    } catch (SSHException e) {
      return reason(e);
    }
  }

  private static Thread copying(String name, InputStream from, ByteArrayOutputStream to) {
    return Thread.ofVirtual()
        .name(name)
        .start(
            () -> {
              byte[] buffer = new byte[8 * 1024];
              try {
                for (int read = from.read(buffer); read >= 0; read = from.read(buffer)) {
                  synchronized (to) {
                    if (to.size() < MOST_OUTPUT_BYTES) {
                      to.write(buffer, 0, read);
                    }
                  }
                }
              } catch (IOException _) {
                // The command's end is seen by the one who waits for it.
                return;
              }
            });
  }

  private static String text(ByteArrayOutputStream bytes) {
    synchronized (bytes) {
      return bytes.toString(StandardCharsets.UTF_8);
    }
  }

  /**
   * Where a port of the host's loopback can be reached on this machine. The address stays the same,
   * also when the connection is lost and opened again.
   */
  public URI tunnel(int port) {
    open();
    synchronized (tunnels) {
      try {
        Tunnel tunnel = tunnels.get(port);
        if (tunnel == null) {
          tunnel = Tunnel.open(this, port);
          tunnels.put(port, tunnel);
        }
        return tunnel.uri();
      } catch (IOException e) {
        throw unreachable("no port of this machine could be had for a tunnel: " + reason(e), e);
      }
    }
  }

  /** A channel to a port of the host's loopback. */
  DirectConnection direct(int port) throws IOException {
    Link current = client();
    try {
      return current.client().newDirectConnection("127.0.0.1", port);
    } catch (IOException e) {
      if (!current.works()) {
        drop(current);
      }
      throw e;
    }
  }

  private Link client() {
    Link current = live;
    if (current != null && current.works()) {
      return current;
    }
    opening.lock();
    try {
      current = live;
      if (current != null && current.works()) {
        return current;
      }
      if (current != null) {
        drop(current);
      }
      if (closed) {
        throw unreachable("this worker has closed the connection", null);
      }
      Link opened = withinTime();
      live = opened;
      return opened;
    } finally {
      opening.unlock();
    }
  }

  /** Not everything in the library has a limit in time. */
  private Link withinTime() {
    FutureTask<Link> task = new FutureTask<>(this::login);
    Thread.ofVirtual().name("ssh-login").start(task);
    try {
      return task.get(LOGIN_WITHIN.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      task.cancel(true);
      throw unreachable("it has not answered within " + LOGIN_WITHIN.toSeconds() + " s", e);
    } catch (InterruptedException e) {
      task.cancel(true);
      Thread.currentThread().interrupt();
      throw unreachable("the call was given up", e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof DstackException known) {
        throw known;
      }
      throw unreachable(String.valueOf(e.getCause()), e);
    }
  }

  private Link login() {
    SshHostSpec through = host.proxyJump();
    SSHClient jump = through == null ? null : login(through, null);
    try {
      return new Link(login(host, jump), jump);
    } catch (RuntimeException e) {
      if (jump != null) {
        Link.quietly(jump);
      }
      throw e;
    }
  }

  private SSHClient login(SshHostSpec to, @Nullable SSHClient through) {
    DefaultConfig config = new DefaultConfig();
    config.setKeepAliveProvider(KeepAliveProvider.KEEP_ALIVE);
    SSHClient client = new SSHClient(config);
    HostKeyCheck check = new HostKeyCheck(keys, to.hostname() + ":" + to.port());
    boolean done = false;
    try {
      client.addHostKeyVerifier(check);
      client.setConnectTimeout(CONNECT_MILLIS);
      client.getTransport().setTimeoutMs(3 * CONNECT_MILLIS);
      client.getConnection().setTimeoutMs(2 * CONNECT_MILLIS);
      if (through == null) {
        client.connect(to.hostname(), to.port());
      } else {
        client.connectVia(through.newDirectConnection(to.hostname(), to.port()));
      }
      client.authPublickey(to.user(), LoginKeys.load(client, to));
      if (client.getConnection().getKeepAlive() instanceof KeepAliveRunner keepAlive) {
        keepAlive.setMaxAliveCount(3);
        keepAlive.setKeepAliveInterval(KEEP_ALIVE_SECONDS);
      }
      done = true;
      return client;
    } catch (UserAuthException e) {
      throw new DstackException(
          ErrorKind.FORBIDDEN,
          "The host refuses the login of "
              + name(to)
              + ": none of the given keys is authorized there for user "
              + to.user()
              + ".",
          e);
    } catch (IOException e) {
      String refusal = check.refusal();
      if (refusal != null) {
        throw new DstackException(ErrorKind.FORBIDDEN, refusal, e);
      }
      String where = through == null ? "" : " through " + name(host(host.proxyJump()));
      throw new DstackException(
          ErrorKind.AGENT_UNREACHABLE,
          "Host " + name(to) + " can't be reached" + where + " over SSH: " + reason(e) + ".",
          e);
    } finally {
      if (!done) {
        Link.quietly(client);
      }
    }
  }

  private SshHostSpec host(@Nullable SshHostSpec jump) {
    return jump == null ? host : jump;
  }

  private DstackException unreachable(String why, @Nullable Throwable cause) {
    return new DstackException(
        ErrorKind.AGENT_UNREACHABLE,
        "Host " + name() + " can't be reached over SSH: " + why,
        cause);
  }

  static String reason(Throwable e) {
    String message = e.getMessage();
    return switch (e) {
      case UnknownHostException _ -> "its name is not known";
      case ConnectException _ -> "nothing listens there (" + message + ")";
      case NoRouteToHostException _ -> "there is no route to it";
      case SocketTimeoutException _ -> "it does not answer";
      case TransportException _ when message == null -> "the connection broke off";
      default -> message == null || message.isBlank() ? e.getClass().getSimpleName() : message;
    };
  }

  private void drop(Link lost) {
    if (live == lost) {
      live = null;
    }
    // There is nobody to take leave of, and saying so may take long.
    lost.sever();
    lost.end();
  }

  @Override
  public void close() {
    closed = true;
    synchronized (tunnels) {
      tunnels.values().forEach(Tunnel::close);
      tunnels.clear();
    }
    Link current = live;
    live = null;
    if (current != null) {
      current.end();
    }
  }
}
