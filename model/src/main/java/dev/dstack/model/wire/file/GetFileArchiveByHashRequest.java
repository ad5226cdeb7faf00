package dev.dstack.model.wire.file;

public record GetFileArchiveByHashRequest(String hash) {}
