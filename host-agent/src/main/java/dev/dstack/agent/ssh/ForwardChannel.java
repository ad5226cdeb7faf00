package dev.dstack.agent.ssh;

import dev.dstack.agent.live.LiveLog;
import dev.dstack.agent.live.LogSocket;
import dev.dstack.model.agent.AccessRequest;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Set;
import org.apache.sshd.common.util.buffer.Buffer;

/** A connection that the client asks for: to a port or a socket of the task, or to its log. */
final class ForwardChannel extends StreamChannel {
  static final String TCP = "direct-tcpip";
  static final String UNIX = "direct-streamlocal@openssh.com";

  private static final Duration CONNECT = Duration.ofSeconds(20);
  private static final Set<String> SELF = Set.of("localhost", "127.0.0.1", "::1");

  private final String kind;
  private final SessionHost host;
  private final LiveLog taskLog;
  private final LogReaders readers;

  ForwardChannel(String kind, SessionHost host, LiveLog taskLog, LogReaders readers) {
    this.kind = kind;
    this.host = host;
    this.taskLog = taskLog;
    this.readers = readers;
  }

  @Override
  Target target(Buffer buffer) {
    String place = new String(buffer.getBytes(), StandardCharsets.UTF_8);
    if (kind.equals(UNIX)) {
      if (!host.launcher().isEmpty()) {
        return new Target.Refuse("sockets can't be forwarded for another user");
      }
      return (Target.Connect) () -> connectSocket(place);
    }
    int port = buffer.getInt();
    if (port == AccessRequest.LOGS_PORT && SELF.contains(place)) {
      return (Target.Serve)
          channel -> {
            readers.came();
            try (InputStream in = channel.input();
                OutputStream out = channel.output()) {
              LogSocket.serve(taskLog, in, out);
            } finally {
              readers.went();
            }
          };
    }
    if (!host.running()) {
      return new Target.Refuse("the job has ended");
    }
    return (Target.Connect) () -> connect(place, port);
  }

  /** Each of the addresses of a name, since a program may listen on one of them only. */
  private static SocketChannel connect(String name, int port) throws IOException {
    IOException problem = new ConnectException("there is no address for " + name);
    InetAddress[] addresses =
        name.equals("localhost")
            ? new InetAddress[] {InetAddress.ofLiteral("127.0.0.1"), InetAddress.ofLiteral("::1")}
            : InetAddress.getAllByName(name);
    for (InetAddress address : addresses) {
      SocketChannel channel = SocketChannel.open();
      try {
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
        channel.socket().connect(new InetSocketAddress(address, port), (int) CONNECT.toMillis());
        return channel;
      } catch (IOException | RuntimeException e) {
        channel.close();
        problem = e instanceof IOException known ? known : new IOException(e);
      }
    }
    throw problem;
  }

  private static SocketChannel connectSocket(String path) throws IOException {
    SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
    try {
      channel.connect(UnixDomainSocketAddress.of(path));
      return channel;
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e instanceof IOException known ? known : new IOException(e);
    }
  }
}
