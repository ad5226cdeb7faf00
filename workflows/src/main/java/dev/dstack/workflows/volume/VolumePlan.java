package dev.dstack.workflows.volume;

import dev.dstack.model.offer.BackendType;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a volume's configuration means to its workflow.
 *
 * @param availabilityZone absent: the provider chooses
 * @param existing the provider's id of a volume that is registered and never made or deleted here
 * @param autoCleanup how long nobody uses it until it is deleted; absent: for ever
 */
public record VolumePlan(
    BackendType backend,
    String region,
    @Nullable String availabilityZone,
    @Nullable Integer sizeGb,
    @Nullable String existing,
    @Nullable Duration autoCleanup,
    Map<String, String> tags) {
  public VolumePlan {
    tags = tags == null ? Map.of() : Map.copyOf(tags);
  }
}
