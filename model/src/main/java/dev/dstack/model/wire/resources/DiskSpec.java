package dev.dstack.model.wire.resources;

public record DiskSpec(
    Range<Memory> size) {}
