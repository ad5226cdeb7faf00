package dev.dstack.agent.ssh;

import dev.dstack.agent.AgentLog;
import dev.dstack.agent.live.LiveLog;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.PublicKey;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.apache.sshd.common.NamedFactory;
import org.apache.sshd.common.SshConstants;
import org.apache.sshd.common.channel.Channel;
import org.apache.sshd.common.channel.ChannelFactory;
import org.apache.sshd.common.cipher.BuiltinCiphers;
import org.apache.sshd.common.cipher.Cipher;
import org.apache.sshd.common.compression.BuiltinCompressions;
import org.apache.sshd.common.global.KeepAliveHandler;
import org.apache.sshd.common.keyprovider.KeyPairProvider;
import org.apache.sshd.common.session.Session;
import org.apache.sshd.common.session.SessionListener;
import org.apache.sshd.common.util.buffer.Buffer;
import org.apache.sshd.core.CoreModuleProperties;
import org.apache.sshd.server.SshServer;
import org.apache.sshd.server.auth.pubkey.UserAuthPublicKeyFactory;
import org.apache.sshd.server.forward.RejectAllForwardingFilter;
import org.apache.sshd.server.global.NoMoreSessionsHandler;
import org.jspecify.annotations.Nullable;

/**
 * The SSH server of one task. Whoever has one of the task's keys is let in, under whatever name,
 * and is the task's user then.
 */
public final class JobSshServer implements AutoCloseable {
  private static final Duration KEEP_ALIVE = Duration.ofSeconds(30);
  private static final Duration GIVE_UP = Duration.ofSeconds(90);
  private static final Duration AUTHENTICATION = Duration.ofSeconds(60);
  private static final int MAX_AUTHENTICATIONS = 20;
  private static final int MAX_CHANNELS = 512;
  private static final int MAX_CONNECTIONS = 256;
  private static final int THREADS = 2;

  /** The fastest that this Java has, by far; every client of the last ten years knows them. */
  private static final List<NamedFactory<Cipher>> FAST =
      List.of(BuiltinCiphers.aes128gcm, BuiltinCiphers.aes256gcm);

  /** For clients other than OpenSSH. */
  private static final List<NamedFactory<Cipher>> ANY =
      List.of(
          BuiltinCiphers.aes128gcm,
          BuiltinCiphers.aes256gcm,
          BuiltinCiphers.aes128ctr,
          BuiltinCiphers.aes256ctr,
          BuiltinCiphers.cc20p1305_openssh);

  private final SshServer server;
  private final Usage usage;
  private final LogReaders readers;

  /**
   * @param bind port 0: a free one is taken
   * @param authorizedKeys lines as in {@code authorized_keys}; empty: nobody gets in
   * @param hostKey in PEM; absent: the one in {@code hostKeyFile}, made when there is none
   */
  public record Settings(
      InetSocketAddress bind,
      List<String> authorizedKeys,
      @Nullable String hostKey,
      Path hostKeyFile) {
    public Settings {
      authorizedKeys = List.copyOf(authorizedKeys);
    }

    @Override
    public String toString() {
      return "Settings[" + bind + "]";
    }
  }

  private JobSshServer(SshServer server, Usage usage, LogReaders readers) {
    this.server = server;
    this.usage = usage;
    this.readers = readers;
  }

  /** Listens when this returns. */
  public static JobSshServer start(
      Settings settings, SessionHost host, LiveLog log, Usage usage, AgentLog agentLog)
      throws IOException {
    List<PublicKey> keys = Keys.authorized(settings.authorizedKeys(), agentLog);
    KeyPair hostKey = Keys.host(settings.hostKey(), settings.hostKeyFile());
    Connections connections = new Connections(agentLog);
    LogReaders readers = new LogReaders();
    SshServer server = SshServer.setUpDefaultServer();
    server.setHost(settings.bind().getAddress().getHostAddress());
    server.setPort(settings.bind().getPort());
    server.setKeyPairProvider(KeyPairProvider.wrap(hostKey));
    server.setUserAuthFactories(List.of(UserAuthPublicKeyFactory.INSTANCE));
    server.setPublickeyAuthenticator((_, key, _) -> Keys.isAuthorized(key, keys));
    server.setCipherFactories(ANY);
    server.setCompressionFactories(List.of(BuiltinCompressions.none));
    server.setForwardingFilter(RejectAllForwardingFilter.INSTANCE);
    server.setChannelFactories(
        List.of(
            factory("session", _ -> new SessionChannel(host, connections, agentLog)),
            factory(ForwardChannel.TCP, kind -> new ForwardChannel(kind, host, log, readers)),
            factory(ForwardChannel.UNIX, kind -> new ForwardChannel(kind, host, log, readers))));
    server.setGlobalRequestHandlers(
        List.of(
            new KeepAliveHandler(),
            new NoMoreSessionsHandler(),
            new ForwardRequests(host, connections)));
    server.setShellFactory(null);
    server.setSubsystemFactories(List.of());
    limits(server);
    server.addSessionListener(new Listener(connections, usage));
    server.start();
    return new JobSshServer(server, usage, readers);
  }

  private static void limits(SshServer server) {
    CoreModuleProperties.SERVER_IDENTIFICATION.set(server, "dstack");
    CoreModuleProperties.MAX_AUTH_REQUESTS.set(server, MAX_AUTHENTICATIONS);
    CoreModuleProperties.AUTH_TIMEOUT.set(server, AUTHENTICATION);
    CoreModuleProperties.IDLE_TIMEOUT.set(server, Duration.ZERO);
    CoreModuleProperties.NIO2_READ_TIMEOUT.set(server, Duration.ZERO);
    CoreModuleProperties.MAX_CONCURRENT_CHANNELS.set(server, MAX_CHANNELS);
    CoreModuleProperties.MAX_CONCURRENT_SESSIONS.set(server, MAX_CONNECTIONS);
    CoreModuleProperties.NIO_WORKERS.set(server, THREADS);
    CoreModuleProperties.TCP_NODELAY.set(server, true);
    CoreModuleProperties.SOCKET_KEEPALIVE.set(server, true);
    CoreModuleProperties.NIO2_READ_BUFFER_SIZE.set(server, 64 * 1024);
    CoreModuleProperties.WINDOW_SIZE.set(server, WireChannel.WINDOW_BYTES);
  }

  private static ChannelFactory factory(String kind, Function<String, Channel> make) {
    return new ChannelFactory() {
      @Override
      public String getName() {
        return kind;
      }

      @Override
      public Channel createChannel(Session session) {
        return make.apply(kind);
      }
    };
  }

  public int port() {
    return server.getPort();
  }

  public Usage.Now usage() {
    return usage.now();
  }

  /**
   * After the log is complete: waits until those who follow it have got the rest.
   *
   * @return false: somebody takes longer
   */
  public boolean awaitLogReaders(Duration wait) throws InterruptedException {
    return readers.awaitNone(wait);
  }

  /** Ends all connections. */
  @Override
  public void close() throws IOException {
    server.stop(true);
  }

  private static final class Listener implements SessionListener {
    private final Connections connections;
    private final Usage usage;

    Listener(Connections connections, Usage usage) {
      this.connections = connections;
      this.usage = usage;
    }

    @Override
    public void sessionPeerIdentificationReceived(
        Session session, String version, List<String> extraLines) {
      if (version.contains("OpenSSH")) {
        // It would choose another one, which is fast there and slow here.
        session.setCipherFactories(FAST);
      }
    }

    @Override
    public void sessionEvent(Session session, Event event) {
      if (event == Event.Authenticated) {
        usage.came(session);
        Thread.ofVirtual().name("ssh-keepalive").start(() -> keepAlive(session));
      }
    }

    @Override
    public void sessionClosed(Session session) {
      usage.went(session);
      connections.close(session);
    }

    /** A client whose machine sleeps or is gone must not count as one that uses the task. */
    private void keepAlive(Session session) {
      try {
        TimeUnit.MILLISECONDS.sleep(Usage.COUNTS_AFTER.toMillis() + 1);
        usage.stayed();
        while (session.isOpen()) {
          TimeUnit.SECONDS.sleep(KEEP_ALIVE.toSeconds());
          Buffer ping = session.createBuffer(SshConstants.SSH_MSG_GLOBAL_REQUEST, 64);
          ping.putString("keepalive@openssh.com");
          ping.putBoolean(true);
          session.request("keepalive@openssh.com", ping, GIVE_UP);
        }
      } catch (IOException e) {
        session.close(true);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
