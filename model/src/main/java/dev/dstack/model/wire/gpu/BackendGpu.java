package dev.dstack.model.wire.gpu;

import dev.dstack.model.offer.Availability;
import dev.dstack.model.resources.GpuVendor;

public record BackendGpu(
    String name,
    long memoryMib,
    GpuVendor vendor,
    Availability availability,
    boolean spot,
    int count,
    double price,
    String region) {}
