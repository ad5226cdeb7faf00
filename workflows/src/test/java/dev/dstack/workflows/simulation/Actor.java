package dev.dstack.workflows.simulation;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** A workflow of the simulation. */
public interface Actor {
  /** The workflow's id. */
  String id();

  /** The moment of which it wants to be told. */
  @Nullable Instant deadline();

  void tick(Instant deadline, Instant now);

  boolean closed();
}
