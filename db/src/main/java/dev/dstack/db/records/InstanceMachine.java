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
 *     answers for its agents; of a machine with {@code access} as its own host sees it
 * @param accessJson how to log in, with private keys; absent: nobody has to
 * @param touched something of ours may be on it
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
    String offerJson,
    @Nullable String accessJson,
    boolean touched) {
  /** A machine that nobody logs in to. */
  public InstanceMachine(
      InstanceId instance,
      int attempt,
      ProjectId project,
      BackendType backend,
      String providerId,
      @Nullable String hostname,
      @Nullable URI agentUri,
      @Nullable String agentToken,
      String offerJson) {
    this(
        instance,
        attempt,
        project,
        backend,
        providerId,
        hostname,
        agentUri,
        agentToken,
        offerJson,
        null,
        false);
  }

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
