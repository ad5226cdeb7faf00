package dev.dstack.model.agent;

import java.util.List;

/**
 * How a host's accelerators are, {@code GET /v1/health}.
 *
 * @param incidents what is wrong, in words; empty when nothing is
 */
public record HostHealth(Level level, List<String> incidents) {
  public HostHealth {
    incidents = List.copyOf(incidents);
  }

  public enum Level {
    HEALTHY,
    WARNING,
    FAILURE
  }
}
