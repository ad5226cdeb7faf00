package dev.dstack.model.wire.export;

public record DeleteExportRequest(String name) {}
