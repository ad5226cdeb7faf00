package dev.dstack.agent;

/**
 * Places where the agent can be made to die, for tests of its recovery: {@code
 * -Ddstack.agent.crash=before-fork}. The death is as sudden as a KILL.
 */
public enum CrashPoint {
  ACCEPTED("accepted"),
  /** Containers only. */
  PULLING("pulling"),
  BEFORE_FORK("before-fork"),
  /** Containers only: made, not started. */
  CREATED("created"),
  AFTER_FORK("after-fork"),
  RUNNING("running"),
  TAILED("tailed"),
  EXIT_SEEN("exit-seen"),
  /** Containers only: the end is known, the container still there. */
  CLEARING("clearing"),
  BEFORE_EXITED("before-exited"),
  STOP_JOURNALED("stop-journaled");

  private static final String CHOSEN = System.getProperty("dstack.agent.crash", "");

  private final String property;

  CrashPoint(String property) {
    this.property = property;
  }

  public void reached() {
    if (!CHOSEN.isEmpty() && CHOSEN.equals(property)) {
      Runtime.getRuntime().halt(137);
    }
  }
}
