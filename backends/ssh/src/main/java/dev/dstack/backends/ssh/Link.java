package dev.dstack.backends.ssh;

import java.io.IOException;
import java.net.Socket;
import net.schmizz.sshj.SSHClient;
import org.jspecify.annotations.Nullable;

/**
 * A login to a host.
 *
 * @param jump the login through which it goes
 */
record Link(SSHClient client, @Nullable SSHClient jump) {
  boolean works() {
    return client.isConnected() && client.isAuthenticated() && (jump == null || jump.isConnected());
  }

  /** The host hears of it. */
  void end() {
    quietly(client);
    if (jump != null) {
      quietly(jump);
    }
  }

  /** At once; whoever waits for the host to take or to send something waits no more. */
  void sever() {
    Socket socket = jump == null ? client.getSocket() : jump.getSocket();
    if (socket == null) {
      return;
    }
    try {
      socket.close();
    } catch (IOException _) {
      // It is gone anyway.
      return;
    }
  }

  static void quietly(SSHClient client) {
    try {
      client.disconnect();
    } catch (IOException _) {
      // It is gone anyway.
      return;
    }
  }
}
