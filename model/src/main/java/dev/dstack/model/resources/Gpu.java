package dev.dstack.model.resources;

/** One accelerator of a machine. */
public record Gpu(GpuVendor vendor, String name, int memoryMib) {}
