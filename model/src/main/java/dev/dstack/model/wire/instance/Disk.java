package dev.dstack.model.wire.instance;

public record Disk(long sizeMib) {}
