package dev.dstack.backends;

import org.jspecify.annotations.Nullable;

/**
 * Where a volume is on its machine: one of the two.
 *
 * @param device a block device, or a file with a file system, that the host agent mounts
 * @param directory one that is there already
 */
public record VolumeAttachment(@Nullable String device, @Nullable String directory) {}
