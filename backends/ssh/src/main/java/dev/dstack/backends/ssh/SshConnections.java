package dev.dstack.backends.ssh;

import dev.dstack.backends.HostKeys;
import dev.dstack.backends.SshHostSpec;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The connections of this worker to hosts, one to each. */
public final class SshConnections implements AutoCloseable {
  private final Map<String, Open> open = new ConcurrentHashMap<>();

  private record Open(SshHostSpec host, HostConnection connection) {}

  /**
   * Opened when it is first used. Another way to the host, or other keys, make it another
   * connection, and the one before is closed.
   *
   * @param id whose host it is
   */
  public HostConnection to(String id, SshHostSpec host, HostKeys keys) {
    return open.compute(
            id,
            (_, known) -> {
              if (known != null && sameWay(known.host(), host)) {
                return known;
              }
              if (known != null) {
                known.connection().close();
              }
              return new Open(host, new HostConnection(host, keys));
            })
        .connection();
  }

  private static boolean sameWay(SshHostSpec a, SshHostSpec b) {
    SshHostSpec jumpA = a.proxyJump();
    SshHostSpec jumpB = b.proxyJump();
    boolean same =
        a.hostname().equals(b.hostname())
            && a.port() == b.port()
            && a.user().equals(b.user())
            && a.keys().equals(b.keys());
    return same && (jumpA == null ? jumpB == null : jumpB != null && sameWay(jumpA, jumpB));
  }

  /** None there is success. */
  public void close(String id) {
    Open known = open.remove(id);
    if (known != null) {
      known.connection().close();
    }
  }

  @Override
  public void close() {
    open.keySet().forEach(this::close);
  }
}
