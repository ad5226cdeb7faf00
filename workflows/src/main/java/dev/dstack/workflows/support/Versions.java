package dev.dstack.workflows.support;

import io.temporal.workflow.Workflow;

/**
 * Logic versions. Every workflow reads one number once, in its first line, and code asks {@code
 * version >= Versions.SOMETHING}. A constant is never reused; the minimum is raised when no open
 * history below it can exist.
 */
public final class Versions {
  /** The logic of the first release. */
  public static final int FIRST = 1;

  /** A fleet answers many runs in parts, one after the other. */
  public static final int ANSWERS_IN_PARTS = 2;

  /** Fleets of users, several nodes, volumes: what does not fit a changed fleet goes when free. */
  public static final int CAPACITY = 3;

  /** The time in which nobody looked after an instance does not count as its silence. */
  public static final int RETURN = 4;

  private static final int MIN = FIRST;
  static final int CURRENT = RETURN;

  private Versions() {}

  public static int logic() {
    return Workflow.getVersion("logic", MIN, CURRENT);
  }
}
