package dev.dstack.model.wire.export;

public record ExportImport(String projectName) {}
