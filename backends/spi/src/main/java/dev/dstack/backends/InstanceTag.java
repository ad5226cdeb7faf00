package dev.dstack.backends;

import dev.dstack.model.ids.InstanceId;

/**
 * Marks a machine as ours from its first moment: which installation, which instance, which attempt
 * at creating it.
 */
public record InstanceTag(String deployment, InstanceId instance, int attempt) {
  /** At most 64 ASCII characters, as the strictest provider asks. */
  public String token() {
    return "dstack-" + instance + "-" + attempt;
  }
}
