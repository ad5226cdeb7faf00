package dev.dstack.model.ids;

/**
 * Ids of the workflows: the id of a noun is its lock, and what a person searches for in the
 * Temporal Web UI.
 */
public final class WorkflowIds {
  private WorkflowIds() {}

  public static String run(String project, String runName) {
    return "run:" + project + ":" + runName;
  }

  /** One attempt of one node of one replica. */
  public static String job(RunId run, int replica, int node, int submission) {
    return "job:" + run + ":" + replica + "." + node + "." + submission;
  }

  public static String fleet(String project, String fleetName) {
    return "fleet:" + project + ":" + fleetName;
  }

  public static String instance(InstanceId instance) {
    return "instance:" + instance;
  }
}
