package dev.dstack.backends;

import java.net.URI;

/** Where a host agent listens and what it asks for. */
public record AgentAddress(URI uri, String token) {
  @Override
  public String toString() {
    return "AgentAddress[" + uri + ", token=***]";
  }
}
