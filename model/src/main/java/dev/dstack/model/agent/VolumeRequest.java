package dev.dstack.model.agent;

import org.jspecify.annotations.Nullable;

/**
 * A volume that a task gets at a path. Either a directory of the host or a device, which the agent
 * mounts for as long as a task has it.
 *
 * @param id names the volume on the host; letters, digits and dashes
 * @param providerId the provider's own id, by which some devices are found
 * @param device as the provider calls it, such as {@code /dev/sdf}, or a file that holds a file
 *     system
 * @param format make a file system on the device when it is blank
 * @param target absolute path for the task
 */
public record VolumeRequest(
    String name,
    String id,
    String providerId,
    @Nullable String device,
    @Nullable String directory,
    boolean format,
    String target) {}
