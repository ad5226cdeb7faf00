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

  public static String volume(String project, String volumeName) {
    return "volume:" + project + ":" + volumeName;
  }

  public static String instance(InstanceId instance) {
    return "instance:" + instance;
  }

  /** One pass in one region of one project's backend. */
  public static String sweep(ProjectId project, String backend, String region) {
    return "sweep:" + project + ":" + backend + ":" + region;
  }
}
