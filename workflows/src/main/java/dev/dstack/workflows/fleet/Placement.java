package dev.dstack.workflows.fleet;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.resources.Resources;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A claim of one job on one instance.
 *
 * @param offer what the instance is, its price included
 * @param taken what of it the job has
 * @param hostname absent when the provider gives none
 * @param gpuIndexes which of the instance's accelerators the job has, as its offer lists them
 * @param internalIp where the other nodes of a cluster reach it; absent when not known
 */
public record Placement(
    JobId job,
    InstanceId instance,
    String instanceName,
    int instanceNum,
    FleetRef fleet,
    Offer offer,
    Resources taken,
    int blocks,
    int totalBlocks,
    @Nullable String hostname,
    List<Integer> gpuIndexes,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable String internalIp) {
  public Placement {
    // Older histories do not have it.
    gpuIndexes = gpuIndexes == null ? List.of() : List.copyOf(gpuIndexes);
  }

  /** Without accelerators. */
  public Placement(
      JobId job,
      InstanceId instance,
      String instanceName,
      int instanceNum,
      FleetRef fleet,
      Offer offer,
      Resources taken,
      int blocks,
      int totalBlocks,
      @Nullable String hostname) {
    this(
        job,
        instance,
        instanceName,
        instanceNum,
        fleet,
        offer,
        taken,
        blocks,
        totalBlocks,
        hostname,
        List.of(),
        null);
  }

  /** Without an address inside a cluster. */
  public Placement(
      JobId job,
      InstanceId instance,
      String instanceName,
      int instanceNum,
      FleetRef fleet,
      Offer offer,
      Resources taken,
      int blocks,
      int totalBlocks,
      @Nullable String hostname,
      List<Integer> gpuIndexes) {
    this(
        job,
        instance,
        instanceName,
        instanceNum,
        fleet,
        offer,
        taken,
        blocks,
        totalBlocks,
        hostname,
        gpuIndexes,
        null);
  }

  /** Whether others may have a part of the instance, too. */
  public boolean shared() {
    return !taken.equals(offer.resources());
  }
}
