package dev.dstack.model.offer;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;

/**
 * The name of a backend, such as {@code local} or {@code aws}. A name, not an enum: backends are
 * found at run time.
 */
public record BackendType(@JsonValue String name) {
  public static final BackendType LOCAL = new BackendType("local");
  public static final BackendType SCRIPTED = new BackendType("scripted");

  /** Hosts of SSH fleets: no backend of a project, they are named by the fleet. */
  public static final BackendType SSH = new BackendType("ssh");

  @JsonCreator
  public BackendType {}

  /**
   * The name on dstack's wire: its clients know a fixed list without our own two, and parse {@code
   * remote} for hosts that no cloud owns.
   */
  public String wire() {
    return equals(LOCAL) || equals(SCRIPTED) || equals(SSH) ? "remote" : name;
  }

  @Override
  public String toString() {
    return name;
  }
}
