package dev.dstack.db.records;

import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.offer.BackendType;
import java.net.URI;
import org.jspecify.annotations.Nullable;

/**
 * A machine that a worker made or adopted.
 *
 * @param agentUri absent while its agent can't be reached, and always when the backend itself
 *     answers for its agents
 */
public record InstanceMachine(
    InstanceId instance,
    int attempt,
    ProjectId project,
    BackendType backend,
    String providerId,
    @Nullable String hostname,
    @Nullable URI agentUri,
    @Nullable String agentToken,
    String offerJson) {
  @Override
  public String toString() {
    return "InstanceMachine["
        + instance
        + " attempt "
        + attempt
        + ", "
        + backend
        + " "
        + providerId
        + "]";
  }
}
