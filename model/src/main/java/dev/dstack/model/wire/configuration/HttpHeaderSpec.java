package dev.dstack.model.wire.configuration;

public record HttpHeaderSpec(
    String name,
    String value) {}
