package dev.dstack.model.wire.run;

public record Probe(int successStreak) {}
