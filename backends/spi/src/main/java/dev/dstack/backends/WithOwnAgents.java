package dev.dstack.backends;

/**
 * A backend whose hosts are not reached over HTTP, because it simulates them; its machines have no
 * address.
 */
public interface WithOwnAgents {
  /**
   * @throws dev.dstack.model.error.DstackException HOST_LOST when there is no such machine
   */
  HostAgent agentOf(InstanceTag tag);
}
