package dev.dstack.backends;

/** A backend whose hosts are not reached over HTTP, because it simulates them. */
public interface WithOwnAgents {
  /**
   * @throws dev.dstack.model.error.DstackException HOST_LOST when there is no such machine
   */
  HostAgent agentOf(InstanceTag tag);
}
