package dev.dstack.agent.ssh;

import dev.dstack.agent.AgentLog;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.apache.sshd.common.session.ConnectionService;
import org.apache.sshd.common.session.Session;
import org.apache.sshd.common.util.buffer.Buffer;

/**
 * What a client's connection has open on this side: sockets that lead to the client. They end with
 * the connection.
 */
final class Connections {
  private static final int MAX_LISTENERS = 64;

  private final Map<Session, Opened> opened = new ConcurrentHashMap<>();
  private final AgentLog log;

  /** By what the client calls them; the forwarded agent by the empty name. */
  private record Opened(Map<String, Listener> listeners) {}

  private record Listener(ServerSocketChannel socket, SocketAddress address) {
    void close() {
      try {
        socket.close();
        if (address instanceof UnixDomainSocketAddress local) {
          Files.deleteIfExists(local.getPath());
        }
      } catch (IOException e) {
        // The file stays; nobody listens on it any more.
        return;
      }
    }
  }

  Connections(AgentLog log) {
    this.log = log;
  }

  /** Address and port of the client, address and port of this side. */
  String[] ends(Session session) {
    String[] ends = {"127.0.0.1", "0", "127.0.0.1", "22"};
    if (session.getIoSession().getRemoteAddress() instanceof InetSocketAddress remote) {
      ends[0] = remote.getAddress().getHostAddress();
      ends[1] = Integer.toString(remote.getPort());
    }
    if (session.getIoSession().getLocalAddress() instanceof InetSocketAddress local) {
      ends[2] = local.getAddress().getHostAddress();
      ends[3] = Integer.toString(local.getPort());
    }
    return ends;
  }

  /** The socket behind which the client's SSH agent is. */
  Path agentSocket(Session session, ConnectionService service, SessionHost host)
      throws IOException {
    Opened here = opened(session);
    Listener known = here.listeners().get("");
    if (known != null && known.address() instanceof UnixDomainSocketAddress address) {
      return address.getPath();
    }
    // A path must be short: 107 bytes are all that a socket's name may have.
    Path directory =
        Files.createTempDirectory(
            Path.of("/tmp"),
            "ssh-",
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    Path path = directory.resolve("agent." + Long.toString(System.nanoTime(), 36));
    listen(
        session, service, "", UnixDomainSocketAddress.of(path), "auth-agent@openssh.com", _ -> {});
    if (host.terminalOwner() >= 0) {
      Files.setAttribute(path, "unix:uid", host.terminalOwner());
      Files.setAttribute(directory, "unix:uid", host.terminalOwner());
    }
    return path;
  }

  /**
   * A port that leads to the client.
   *
   * @return the port, which was chosen here when the client asked for 0
   */
  int forwardPort(Session session, ConnectionService service, String host, int port)
      throws IOException {
    // Whatever address the client names: who is not on this host has no business there.
    InetAddress address = InetAddress.ofLiteral("127.0.0.1");
    int[] bound = {port};
    InetSocketAddress given =
        (InetSocketAddress)
            listen(
                session,
                service,
                host + " " + port,
                new InetSocketAddress(address, port),
                "forwarded-tcpip",
                buffer -> {
                  buffer.putString(host);
                  buffer.putUInt(bound[0]);
                  buffer.putString("127.0.0.1");
                  buffer.putUInt(0);
                });
    bound[0] = given.getPort();
    return given.getPort();
  }

  /** A socket in the file system that leads to the client. */
  void forwardSocket(Session session, ConnectionService service, String path) throws IOException {
    listen(
        session,
        service,
        path,
        UnixDomainSocketAddress.of(path),
        "forwarded-streamlocal@openssh.com",
        buffer -> {
          buffer.putString(path);
          buffer.putString("");
        });
  }

  boolean cancel(Session session, String name) {
    Listener listener = opened(session).listeners().remove(name);
    if (listener == null) {
      return false;
    }
    listener.close();
    return true;
  }

  /** The connection is over. */
  void close(Session session) {
    Opened gone = opened.remove(session);
    if (gone != null) {
      gone.listeners()
          .forEach(
              (name, listener) -> {
                listener.close();
                if (name.isEmpty() && listener.address() instanceof UnixDomainSocketAddress local) {
                  remove(local.getPath().resolveSibling(".").normalize());
                }
              });
    }
  }

  private void remove(Path directory) {
    try {
      Files.deleteIfExists(directory);
    } catch (IOException e) {
      log.warn("the directory of a forwarded SSH agent can't be removed", e);
    }
  }

  private Opened opened(Session session) {
    return opened.computeIfAbsent(session, _ -> new Opened(new ConcurrentHashMap<>()));
  }

  private SocketAddress listen(
      Session session,
      ConnectionService service,
      String name,
      SocketAddress address,
      String kind,
      Consumer<Buffer> detail)
      throws IOException {
    Opened here = opened(session);
    if (here.listeners().size() >= MAX_LISTENERS) {
      throw new IOException("one connection may forward " + MAX_LISTENERS + " ports at most");
    }
    ServerSocketChannel server =
        address instanceof UnixDomainSocketAddress
            ? ServerSocketChannel.open(StandardProtocolFamily.UNIX)
            : ServerSocketChannel.open();
    try {
      if (address instanceof UnixDomainSocketAddress local) {
        if (!name.isEmpty() && isSocket(local.getPath())) {
          // Left by an earlier connection, which could not remove it.
          Files.delete(local.getPath());
        }
      } else {
        server.setOption(StandardSocketOptions.SO_REUSEADDR, true);
      }
      server.bind(address);
      SocketAddress bound = server.getLocalAddress();
      String called =
          bound instanceof InetSocketAddress given && name.endsWith(" 0")
              ? name.substring(0, name.length() - 1) + given.getPort()
              : name;
      here.listeners().put(called, new Listener(server, bound));
      Thread.ofVirtual().name("ssh-listen").start(() -> accept(server, service, kind, detail));
      return bound;
    } catch (IOException | RuntimeException e) {
      server.close();
      throw e instanceof IOException known ? known : new IOException(e);
    }
  }

  private static boolean isSocket(Path path) {
    try {
      return ((Integer) Files.getAttribute(path, "unix:mode") & 0xF000) == 0xC000;
    } catch (IOException e) {
      return false;
    }
  }

  private void accept(
      ServerSocketChannel server, ConnectionService service, String kind, Consumer<Buffer> detail) {
    try {
      while (true) {
        SocketChannel accepted = server.accept();
        OfferedChannel channel = new OfferedChannel();
        try {
          service.registerChannel(channel);
          channel.offer(kind, accepted, detail);
        } catch (IOException | RuntimeException e) {
          log.warn("a connection could not be passed on to a client", e);
          accepted.close();
        }
      }
    } catch (IOException e) {
      // Closed: that is how it ends.
      return;
    }
  }
}
