package dev.dstack.model.config;

import java.util.List;

/** What applying a spec to what is there would do. */
public sealed interface RunUpdate {
  /** There is nothing, or nothing active: a new run begins. */
  record Create() implements RunUpdate {}

  /**
   * The active run takes over the changes without a restart.
   *
   * @param changed names of fields; empty when nothing changed
   */
  record InPlace(List<String> changed) implements RunUpdate {
    public InPlace {
      changed = List.copyOf(changed);
    }
  }

  /**
   * The active run has to be stopped first.
   *
   * @param blocking those of the changed fields that cannot be taken over
   */
  record NeedsRestart(List<String> changed, List<String> blocking) implements RunUpdate {
    public NeedsRestart {
      changed = List.copyOf(changed);
      blocking = List.copyOf(blocking);
    }
  }
}
