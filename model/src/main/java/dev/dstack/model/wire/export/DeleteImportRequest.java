package dev.dstack.model.wire.export;

public record DeleteImportRequest(String exportName, String exportProjectName) {}
