package dev.dstack.backends.ssh;

import dev.dstack.model.error.DstackException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import net.schmizz.sshj.connection.channel.direct.DirectConnection;

/**
 * A port of this machine's loopback that stands for one of a host's. What listens at its end asks
 * for a token, so that it does not matter who else is on this machine.
 */
final class Tunnel implements AutoCloseable {
  private static final int BACKLOG = 256;
  private static final int BUFFER_BYTES = 32 * 1024;

  private final HostConnection connection;
  private final int port;
  private final ServerSocket listener;

  private Tunnel(HostConnection connection, int port, ServerSocket listener) {
    this.connection = connection;
    this.port = port;
    this.listener = listener;
  }

  static Tunnel open(HostConnection connection, int port) throws IOException {
    ServerSocket listener = new ServerSocket();
    listener.bind(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0), BACKLOG);
    Tunnel tunnel = new Tunnel(connection, port, listener);
    Thread.ofVirtual().name("ssh-tunnel-" + port).start(tunnel::accept);
    return tunnel;
  }

  URI uri() {
    return URI.create("http://127.0.0.1:" + listener.getLocalPort());
  }

  private void accept() {
    while (!listener.isClosed()) {
      try {
        Socket socket = listener.accept();
        socket.setTcpNoDelay(true);
        Thread.ofVirtual().name("ssh-channel-" + port).start(() -> serve(socket));
      } catch (IOException _) {
        // Closed, or a caller that was gone before it was let in: the loop's condition tells.
        Thread.onSpinWait();
      }
    }
  }

  private void serve(Socket caller) {
    try (caller;
        DirectConnection channel = connection.direct(port)) {
      InputStream in = channel.getInputStream();
      OutputStream out = channel.getOutputStream();
      Thread there =
          Thread.ofVirtual()
              .start(
                  () -> {
                    copy(streamOf(caller), out);
                    // The host's answer may still be under way, but nobody waits for it any more.
                    quietly(channel);
                  });
      copy(in, caller.getOutputStream());
      caller.close();
      there.interrupt();
    } catch (IOException | DstackException _) {
      // The caller sees its connection end; the next call says why.
      return;
    }
  }

  private static InputStream streamOf(Socket socket) {
    try {
      return socket.getInputStream();
    } catch (IOException e) {
      return InputStream.nullInputStream();
    }
  }

  private static void copy(InputStream from, OutputStream to) {
    byte[] buffer = new byte[BUFFER_BYTES];
    try {
      for (int read = from.read(buffer); read >= 0; read = from.read(buffer)) {
        to.write(buffer, 0, read);
        to.flush();
      }
    } catch (IOException _) {
      // One side is gone, so that the other has nobody to talk to.
      return;
    }
  }

  private static void quietly(AutoCloseable what) {
    try {
      what.close();
    } catch (Exception _) {
      // It was closed by the other side.
      return;
    }
  }

  @Override
  public void close() {
    quietly(listener);
  }
}
