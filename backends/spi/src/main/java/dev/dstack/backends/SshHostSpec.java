package dev.dstack.backends;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A host that somebody has and that is reached over SSH.
 *
 * @param keys tried in this order
 * @param proxyJump the host through which this one is reached
 * @param internalIp what other hosts of its network call it; absent: to be found out
 * @param network the subnet in which its internal address is looked for
 * @param blocks absent: as many as the fleet says
 * @param env for the host agent and its tasks
 */
public record SshHostSpec(
    String hostname,
    int port,
    String user,
    List<PrivateKey> keys,
    @Nullable SshHostSpec proxyJump,
    @Nullable String internalIp,
    @Nullable String network,
    @Nullable Integer blocks,
    Map<String, String> env) {
  public SshHostSpec {
    keys = List.copyOf(keys);
    env = Map.copyOf(env);
  }

  @Override
  public String toString() {
    return "SshHostSpec["
        + user
        + "@"
        + hostname
        + ":"
        + port
        + (proxyJump == null ? "" : " through " + proxyJump)
        + "]";
  }
}
