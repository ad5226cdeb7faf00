package dev.dstack.model.agent;

import dev.dstack.model.resources.Resources;

/**
 * {@code GET /v1/info}.
 *
 * @param bootId changes when the host is rebooted
 */
public record HostInfo(String agentVersion, String hostname, String bootId, Resources resources) {}
