package dev.dstack.embedded;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;

/** Free ports on loopback. */
final class Ports {
  // Below the range from which Linux takes the local ports of outgoing connections: a part that is
  // down for a second while it is restarted must find its port again.
  private static final int LOWEST = 15_000;
  private static final int HIGHEST = 32_000;

  private Ports() {}

  static InetAddress loopback() {
    try {
      return InetAddress.getByAddress("127.0.0.1", new byte[] {127, 0, 0, 1});
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  static boolean isFree(int port) {
    try (ServerSocket socket = new ServerSocket()) {
      socket.setReuseAddress(true);
      socket.bind(new InetSocketAddress(loopback(), port));
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  static boolean accepts(int port) {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(loopback(), port), 500);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /** The wanted port if it is free, else another; never one of those already promised. */
  static int choose(int wanted, Set<Integer> promised) {
    if (wanted > 0 && !promised.contains(wanted) && isFree(wanted)) {
      return wanted;
    }
    for (int attempt = 0; attempt < 1000; attempt++) {
      int port = ThreadLocalRandom.current().nextInt(LOWEST, HIGHEST);
      if (!promised.contains(port) && isFree(port)) {
        return port;
      }
    }
    throw new EmbeddedException(
        "No free port found on 127.0.0.1 between " + LOWEST + " and " + HIGHEST + ".");
  }
}
