package dev.dstack.model.agent;

import dev.dstack.model.resources.Resources;
import org.jspecify.annotations.Nullable;

/**
 * {@code GET /v1/info}.
 *
 * @param bootId changes when the host is rebooted
 * @param containers tasks can be containers here
 * @param containersMissing why they can't, in words; absent when they can
 * @param dockerVersion absent: no engine answers
 */
public record HostInfo(
    String agentVersion,
    String hostname,
    String bootId,
    Resources resources,
    boolean containers,
    @Nullable String containersMissing,
    @Nullable String dockerVersion) {

  /** A host without containers. */
  public HostInfo(String agentVersion, String hostname, String bootId, Resources resources) {
    this(agentVersion, hostname, bootId, resources, false, null, null);
  }
}
