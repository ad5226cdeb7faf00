package dev.dstack.db.views;

import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;

/** What a job has of an instance. */
public record ClaimRow(
    JobId job, InstanceId instance, int blocks, int totalBlocks, String takenJson) {}
