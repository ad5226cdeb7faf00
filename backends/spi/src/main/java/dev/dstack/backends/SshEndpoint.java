package dev.dstack.backends;

import org.jspecify.annotations.Nullable;

/**
 * Where and as whom to log in to a machine. Never a secret: the keys are kept elsewhere.
 *
 * @param proxyJump the host through which this one is reached
 * @param internalIp what other machines of its network call it
 */
public record SshEndpoint(
    String hostname,
    int port,
    String user,
    @Nullable SshEndpoint proxyJump,
    @Nullable String internalIp) {}
