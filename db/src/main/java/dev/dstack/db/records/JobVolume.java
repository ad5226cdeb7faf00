package dev.dstack.db.records;

import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.VolumeId;
import org.jspecify.annotations.Nullable;

/**
 * Which volume a job has for one of its mounts.
 *
 * @param position of the mount among the job's mounts of volumes
 * @param device what the host's agent mounts; absent: the volume is a directory
 * @param format the device may be blank
 */
public record JobVolume(
    JobId job,
    int position,
    VolumeId volume,
    String name,
    String providerId,
    @Nullable String device,
    @Nullable String directory,
    boolean format) {}
