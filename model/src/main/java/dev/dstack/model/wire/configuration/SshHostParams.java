package dev.dstack.model.wire.configuration;

import dev.dstack.model.wire.instance.SshKey;
import org.jspecify.annotations.Nullable;

public record SshHostParams(
    String hostname,
    @Nullable Integer port,
    @Nullable String user,
    @Nullable String identityFile,
    @Nullable SshProxyParams proxyJump,
    @Nullable String internalIp,
    @Nullable SshKey sshKey,
    @Nullable Blocks blocks)
    implements SshHost {
  public SshHostParams {
    PrivateAddresses.checkAddress("internal_ip", internalIp);
  }
}
