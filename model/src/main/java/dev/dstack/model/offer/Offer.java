package dev.dstack.model.offer;

import dev.dstack.model.resources.Resources;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A machine that a backend could provide.
 *
 * @param price dollars an hour
 * @param backendData what the backend needs to find this offer again; never a secret
 */
public record Offer(
    BackendType backend,
    String instanceType,
    String region,
    Resources resources,
    double price,
    Availability availability,
    Map<String, String> backendData) {
  /** In {@link #backendData}: why machines of this offer run no containers. */
  public static final String NO_CONTAINERS = "no_containers";

  public Offer {
    backendData = Map.copyOf(backendData);
  }

  /** Absent: its machines run containers, as far as is known. */
  public @Nullable String noContainers() {
    return backendData.get(NO_CONTAINERS);
  }
}
