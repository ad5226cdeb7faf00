package dev.dstack.api.web;

import dev.dstack.model.offer.Availability;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.wire.common.BackendName;
import dev.dstack.model.wire.instance.Disk;
import dev.dstack.model.wire.instance.Gpu;
import dev.dstack.model.wire.instance.GpuDriverInfo;
import dev.dstack.model.wire.instance.InstanceOfferWithAvailability;
import dev.dstack.model.wire.instance.InstanceRuntime;
import dev.dstack.model.wire.instance.InstanceType;
import dev.dstack.model.wire.instance.Resources;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Offers and machines in the words of the API. */
public final class Wire {
  private Wire() {}

  public static BackendName backend(BackendType type) {
    String wire = type.wire();
    for (BackendName name : BackendName.values()) {
      if (name.wire().equals(wire)) {
        return name;
      }
    }
    // A backend that clients don't know is to them a host that no cloud owns.
    return BackendName.REMOTE;
  }

  public static InstanceType type(Offer offer) {
    dev.dstack.model.resources.Resources has = offer.resources();
    return new InstanceType(
        offer.instanceType(),
        new Resources(
            (int) Math.floor(has.cpus()),
            has.memoryMib(),
            has.gpus().stream()
                .map(gpu -> new Gpu(gpu.name(), gpu.memoryMib(), gpu.vendor()))
                .toList(),
            has.spot(),
            new Disk(has.diskMib()),
            has.arch(),
            ""));
  }

  /** Of a machine whose agent has told it. */
  public static @Nullable GpuDriverInfo gpuDriver(Offer machine) {
    String version = machine.gpuDriver();
    return version == null || machine.resources().gpus().isEmpty()
        ? null
        : new GpuDriverInfo(machine.resources().gpus().getFirst().vendor(), version);
  }

  public static InstanceOfferWithAvailability offer(
      Offer offer, Availability availability, int blocks, int totalBlocks) {
    return new InstanceOfferWithAvailability(
        backend(offer.backend()),
        type(offer),
        offer.region(),
        offer.price(),
        Map.of(),
        availability,
        offer.zones().isEmpty() ? null : offer.zones(),
        InstanceRuntime.SHIM,
        blocks,
        totalBlocks);
  }
}
