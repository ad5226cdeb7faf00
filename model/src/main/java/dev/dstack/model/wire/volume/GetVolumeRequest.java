package dev.dstack.model.wire.volume;

public record GetVolumeRequest(String name) {}
