package dev.dstack.model.wire.run;

public record ImagePullProgress(
    long downloadedBytes, long extractedBytes, long totalBytes, boolean isTotalBytesFinal) {}
