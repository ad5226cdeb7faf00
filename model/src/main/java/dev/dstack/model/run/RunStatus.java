package dev.dstack.model.run;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/** Status of a run, by the names of dstack's API. The legal moves are {@link #canBecome}. */
public enum RunStatus {
  @JsonProperty("pending")
  PENDING("pending", false),
  @JsonProperty("submitted")
  SUBMITTED("submitted", false),
  @JsonProperty("provisioning")
  PROVISIONING("provisioning", false),
  @JsonProperty("running")
  RUNNING("running", false),
  @JsonProperty("terminating")
  TERMINATING("terminating", false),
  @JsonProperty("terminated")
  TERMINATED("terminated", true),
  @JsonProperty("failed")
  FAILED("failed", true),
  @JsonProperty("done")
  DONE("done", true);

  /** Nothing more happens to a run in one of these. */
  public static final Set<RunStatus> FINAL = Set.of(TERMINATED, FAILED, DONE);

  private static final Map<RunStatus, Set<RunStatus>> NEXT =
      Map.of(
          PENDING, EnumSet.of(SUBMITTED, TERMINATING),
          SUBMITTED, EnumSet.of(PROVISIONING, RUNNING, PENDING, TERMINATING),
          PROVISIONING, EnumSet.of(SUBMITTED, RUNNING, PENDING, TERMINATING),
          RUNNING, EnumSet.of(SUBMITTED, PROVISIONING, PENDING, TERMINATING),
          TERMINATING, EnumSet.of(TERMINATED, FAILED, DONE, PENDING),
          TERMINATED, Set.of(),
          FAILED, Set.of(),
          DONE, Set.of());

  private final String wire;
  private final boolean isFinal;

  RunStatus(String wire, boolean isFinal) {
    this.wire = wire;
    this.isFinal = isFinal;
  }

  public String wire() {
    return wire;
  }

  public boolean isFinal() {
    return isFinal;
  }

  /** PENDING is reached again by a retry back-off or by the next trigger of a schedule. */
  public boolean canBecome(RunStatus next) {
    return NEXT.getOrDefault(this, Set.of()).contains(next);
  }
}
