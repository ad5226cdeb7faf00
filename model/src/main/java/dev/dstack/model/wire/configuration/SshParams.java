package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Frozen;
import dev.dstack.model.wire.instance.SshKey;
import java.util.List;
import org.jspecify.annotations.Nullable;

public record SshParams(
    @Nullable String user,
    @Nullable Integer port,
    @Nullable String identityFile,
    @Nullable SshKey sshKey,
    @Nullable SshProxyParams proxyJump,
    List<SshHost> hosts,
    @Nullable String network) {
  public SshParams {
    hosts = Frozen.list(hosts);
    PrivateAddresses.checkNetwork("network", network);
  }
}
