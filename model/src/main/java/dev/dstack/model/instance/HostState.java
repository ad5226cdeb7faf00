package dev.dstack.model.instance;

/** What is observed of the host, apart from what is wanted and what is recorded. */
public enum HostState {
  UNKNOWN,
  HEALTHY,
  UNREACHABLE
}
