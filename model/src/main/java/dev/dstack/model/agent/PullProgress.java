package dev.dstack.model.agent;

/**
 * How far an image is on its way to the host, in bytes.
 *
 * @param totalIsFinal false while more layers may become known
 */
public record PullProgress(long downloaded, long extracted, long total, boolean totalIsFinal) {}
