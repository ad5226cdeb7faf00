package dev.dstack.workflows.view;

import java.time.Instant;
import java.util.List;

/** One line of the audit trail, as {@code dstack event} shows it. The actor is the system. */
public record TimelineEvent(Instant at, String message, List<Target> targets) {
  public TimelineEvent {
    targets = List.copyOf(targets);
  }

  /**
   * @param type run, job, instance, fleet, … as dstack's API names them
   */
  public record Target(String type, String id, String name) {}
}
