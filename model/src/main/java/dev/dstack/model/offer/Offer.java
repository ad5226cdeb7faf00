package dev.dstack.model.offer;

import dev.dstack.model.resources.Resources;
import java.util.Map;

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
  public Offer {
    backendData = Map.copyOf(backendData);
  }
}
