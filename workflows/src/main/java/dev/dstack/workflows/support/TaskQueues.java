package dev.dstack.workflows.support;

/**
 * One queue for decisions, one for calls to hosts, one for calls to clouds: long watches can't
 * starve the others.
 */
public final class TaskQueues {
  /** Workflows and local activities. */
  public static final String CONTROL = "dstack-control";

  /** Calls to host agents, watches among them. */
  public static final String AGENTS = "dstack-agents";

  /** Calls to providers of machines. */
  public static final String CLOUD = "dstack-cloud";

  private TaskQueues() {}
}
