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

  private static final int MIN = FIRST;
  private static final int CURRENT = FIRST;

  private Versions() {}

  public static int logic() {
    return Workflow.getVersion("logic", MIN, CURRENT);
  }
}
