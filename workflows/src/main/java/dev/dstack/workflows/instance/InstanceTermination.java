package dev.dstack.workflows.instance;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.dstack.model.instance.InstanceTerminationReason;
import org.jspecify.annotations.Nullable;

/**
 * A wish that the machine be gone.
 *
 * @param forget true or absent: a person says that it is: nobody is asked to end it
 */
public record InstanceTermination(
    InstanceTerminationReason reason,
    String message,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Boolean forget) {
  public InstanceTermination {
    // Older histories do not have it.
    forget = Boolean.TRUE.equals(forget) ? forget : null;
  }

  public InstanceTermination(InstanceTerminationReason reason, String message) {
    this(reason, message, null);
  }

  public boolean forgets() {
    return forget != null;
  }
}
