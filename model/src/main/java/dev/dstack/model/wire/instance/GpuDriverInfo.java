package dev.dstack.model.wire.instance;

import dev.dstack.model.resources.GpuVendor;
import org.jspecify.annotations.Nullable;

public record GpuDriverInfo(@Nullable GpuVendor vendor, String version) {}
