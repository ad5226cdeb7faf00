package dev.dstack.model.wire.run;

public record ServiceModelSpec(String name, String baseUrl, String type) {}
