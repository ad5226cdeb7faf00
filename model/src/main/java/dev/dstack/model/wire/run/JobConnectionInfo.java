package dev.dstack.model.wire.run;

import dev.dstack.model.json.Frozen;
import java.util.List;
import org.jspecify.annotations.Nullable;

public record JobConnectionInfo(
    @Nullable String ideName,
    @Nullable String attachedIdeUrl,
    @Nullable String proxiedIdeUrl,
    @Nullable List<String> attachedSshCommand,
    @Nullable List<String> proxiedSshCommand,
    @Nullable String sshproxyHostname,
    @Nullable Integer sshproxyPort,
    @Nullable String sshproxyUpstreamId) {
  public JobConnectionInfo {
    attachedSshCommand = Frozen.listOrNull(attachedSshCommand);
    proxiedSshCommand = Frozen.listOrNull(proxiedSshCommand);
  }
}
