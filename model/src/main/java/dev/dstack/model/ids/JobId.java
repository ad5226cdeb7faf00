package dev.dstack.model.ids;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.UUID;

/** Identifies one job submission. */
public record JobId(@JsonValue UUID value) {
  @JsonCreator
  public JobId {}

  public static JobId of(String text) {
    return new JobId(UUID.fromString(text));
  }

  /** The id of one attempt of one node: computable by everyone who knows the run. */
  public static JobId of(RunId run, int replica, int node, int submission) {
    return new JobId(NamedIds.of(WorkflowIds.job(run, replica, node, submission)));
  }

  @Override
  public String toString() {
    return value.toString();
  }
}
