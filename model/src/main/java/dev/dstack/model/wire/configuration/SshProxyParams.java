package dev.dstack.model.wire.configuration;

import dev.dstack.model.wire.instance.SshKey;
import org.jspecify.annotations.Nullable;

public record SshProxyParams(
    String hostname,
    @Nullable Integer port,
    String user,
    String identityFile,
    @Nullable SshKey sshKey) {}
