package dev.dstack.model.offer;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.dstack.model.resources.Resources;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A machine that a backend could provide.
 *
 * @param price dollars an hour
 * @param backendData what the backend needs to find this offer again; never a secret
 * @param zones where in its region, when the provider says so: any one of them
 */
public record Offer(
    BackendType backend,
    String instanceType,
    String region,
    Resources resources,
    double price,
    Availability availability,
    Map<String, String> backendData,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) List<String> zones) {
  /** In {@link #backendData}: why machines of this offer run no containers. */
  public static final String NO_CONTAINERS = "no_containers";

  /** In {@link #backendData}: the reservation that this offer is part of. */
  public static final String RESERVATION = "reservation";

  /** In {@link #backendData}: the version of the driver of a machine's accelerators. */
  public static final String GPU_DRIVER = "gpu_driver";

  public Offer {
    backendData = Map.copyOf(backendData);
    // What was written before there were zones has none.
    zones = zones == null ? List.of() : List.copyOf(zones);
  }

  /** Anywhere in its region. */
  public Offer(
      BackendType backend,
      String instanceType,
      String region,
      Resources resources,
      double price,
      Availability availability,
      Map<String, String> backendData) {
    this(backend, instanceType, region, resources, price, availability, backendData, List.of());
  }

  /** The same offer, of which this much is meant. */
  public Offer with(Resources part) {
    return new Offer(backend, instanceType, region, part, price, availability, backendData, zones);
  }

  public Offer with(Availability now) {
    return new Offer(backend, instanceType, region, resources, price, now, backendData, zones);
  }

  public Offer inZones(List<String> some) {
    return new Offer(
        backend, instanceType, region, resources, price, availability, backendData, some);
  }

  /** Absent: not reserved. */
  public @Nullable String reservation() {
    return backendData.get(RESERVATION);
  }

  /** Absent: it is not known, or it has no accelerators. */
  public @Nullable String gpuDriver() {
    return backendData.get(GPU_DRIVER);
  }

  /** Absent: it may be in any of several, or nobody says. */
  public @Nullable String zone() {
    return zones.size() == 1 ? zones.getFirst() : null;
  }

  /** The same offer, of which this is known besides. */
  public Offer withData(String key, String value) {
    Map<String, String> data = new HashMap<>(backendData);
    data.put(key, value);
    return new Offer(backend, instanceType, region, resources, price, availability, data, zones);
  }

  /** Absent: its machines run containers, as far as is known. */
  public @Nullable String noContainers() {
    return backendData.get(NO_CONTAINERS);
  }
}
