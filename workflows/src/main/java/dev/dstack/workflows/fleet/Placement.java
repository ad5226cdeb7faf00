package dev.dstack.workflows.fleet;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.resources.Resources;
import java.util.List;
import java.util.stream.DoubleStream;
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

  /** Of the entire instance, whose addresses and accelerators don't matter. */
  public static Placement whole(
      JobId job,
      InstanceId instance,
      String instanceName,
      int instanceNum,
      FleetRef fleet,
      Offer offer) {
    return new Placement(
        job,
        instance,
        instanceName,
        instanceNum,
        fleet,
        offer,
        offer.resources(),
        1,
        1,
        null,
        List.of(),
        null);
  }

  /** Whether others may have a part of the instance, too. */
  public boolean shared() {
    return !taken.equals(offer.resources());
  }

  /** Dollars an hour of what the job has; the parts of all jobs are no more than the whole. */
  public double price() {
    return offer.price() * part();
  }

  /** Parts that jobs asked for differ in each resource: what counts is their mean. */
  private double part() {
    if (totalBlocks > 1) {
      return (double) blocks / totalBlocks;
    }
    Resources all = offer.resources();
    DoubleStream.Builder parts = DoubleStream.builder();
    add(parts, taken.cpus(), all.cpus());
    add(parts, (double) taken.memoryMib(), (double) all.memoryMib());
    add(parts, taken.gpus().size(), all.gpus().size());
    return parts.build().average().orElse(1);
  }

  private static void add(DoubleStream.Builder parts, double taken, double all) {
    if (all > 0) {
      parts.add(taken / all);
    }
  }
}
