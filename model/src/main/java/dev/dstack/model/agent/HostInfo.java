package dev.dstack.model.agent;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.dstack.model.resources.Resources;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@code GET /v1/info}.
 *
 * @param bootId changes when the host is rebooted
 * @param containers tasks can be containers here
 * @param containersMissing why they can't, in words; absent when they can
 * @param dockerVersion absent: no engine answers
 * @param addresses of its interfaces with the length of the network's prefix, such as {@code
 *     10.0.0.5/24}; without loopback and what containers are connected by
 * @param gpuDriver version of the driver of its accelerators; absent: none, or it is not known
 */
public record HostInfo(
    String agentVersion,
    String hostname,
    String bootId,
    Resources resources,
    boolean containers,
    @Nullable String containersMissing,
    @Nullable String dockerVersion,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) List<String> addresses,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable String gpuDriver) {
  public HostInfo {
    // An agent of an earlier version says nothing of them.
    addresses = addresses == null ? List.of() : List.copyOf(addresses);
  }

  /** A host whose addresses do not matter. */
  public HostInfo(
      String agentVersion,
      String hostname,
      String bootId,
      Resources resources,
      boolean containers,
      @Nullable String containersMissing,
      @Nullable String dockerVersion) {
    this(
        agentVersion,
        hostname,
        bootId,
        resources,
        containers,
        containersMissing,
        dockerVersion,
        List.of(),
        null);
  }

  /** A host without containers. */
  public HostInfo(String agentVersion, String hostname, String bootId, Resources resources) {
    this(agentVersion, hostname, bootId, resources, false, null, null);
  }
}
