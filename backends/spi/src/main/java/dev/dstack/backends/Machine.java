package dev.dstack.backends;

import dev.dstack.model.offer.Offer;
import org.jspecify.annotations.Nullable;

/**
 * A machine that exists.
 *
 * @param providerId the provider's own id
 * @param offer what it really is
 * @param agent absent while the host agent can't be reached yet, or is yet to be installed
 * @param ssh where the host agent is to be installed; with it and without an agent, whoever made
 *     the machine logs in, installs one and talks to it through a tunnel. Absent while the machine
 *     has no address yet, and where nobody has to log in.
 */
public record Machine(
    InstanceTag tag,
    String providerId,
    Offer offer,
    @Nullable String hostname,
    @Nullable AgentAddress agent,
    @Nullable SshEndpoint ssh) {
  public Machine(
      InstanceTag tag,
      String providerId,
      Offer offer,
      @Nullable String hostname,
      @Nullable AgentAddress agent) {
    this(tag, providerId, offer, hostname, agent, null);
  }
}
