package dev.dstack.model.job;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/** Status of one job submission (one attempt), by the names of dstack's API. */
public enum JobStatus {
  @JsonProperty("submitted")
  SUBMITTED("submitted", false),
  @JsonProperty("provisioning")
  PROVISIONING("provisioning", false),
  @JsonProperty("pulling")
  PULLING("pulling", false),
  @JsonProperty("running")
  RUNNING("running", false),
  @JsonProperty("terminating")
  TERMINATING("terminating", false),
  @JsonProperty("terminated")
  TERMINATED("terminated", true),
  @JsonProperty("aborted")
  ABORTED("aborted", true),
  @JsonProperty("failed")
  FAILED("failed", true),
  @JsonProperty("done")
  DONE("done", true);

  public static final Set<JobStatus> FINAL = Set.of(TERMINATED, ABORTED, FAILED, DONE);

  private static final Map<JobStatus, Set<JobStatus>> NEXT =
      Map.of(
          SUBMITTED, EnumSet.of(PROVISIONING, TERMINATING),
          PROVISIONING, EnumSet.of(PULLING, RUNNING, TERMINATING),
          PULLING, EnumSet.of(RUNNING, TERMINATING),
          RUNNING, EnumSet.of(TERMINATING),
          TERMINATING, EnumSet.of(TERMINATED, ABORTED, FAILED, DONE),
          TERMINATED, Set.of(),
          ABORTED, Set.of(),
          FAILED, Set.of(),
          DONE, Set.of());

  private final String wire;
  private final boolean isFinal;

  JobStatus(String wire, boolean isFinal) {
    this.wire = wire;
    this.isFinal = isFinal;
  }

  public String wire() {
    return wire;
  }

  public boolean isFinal() {
    return isFinal;
  }

  public boolean canBecome(JobStatus next) {
    return NEXT.getOrDefault(this, Set.of()).contains(next);
  }
}
