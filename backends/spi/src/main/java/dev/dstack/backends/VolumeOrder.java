package dev.dstack.backends;

import dev.dstack.model.ids.VolumeId;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A volume to be made, or one to be found that somebody else has made.
 *
 * @param sizeGb absent: as the backend sees fit
 * @param existing the provider's id of one that exists already
 */
public record VolumeOrder(
    String deployment,
    VolumeId id,
    String project,
    String name,
    String region,
    @Nullable String availabilityZone,
    @Nullable Integer sizeGb,
    @Nullable String existing,
    Map<String, String> tags) {
  public VolumeOrder {
    tags = Map.copyOf(tags);
  }

  /** At most 64 ASCII characters; the same for the same volume. */
  public String token() {
    return "dstack-volume-" + id;
  }
}
