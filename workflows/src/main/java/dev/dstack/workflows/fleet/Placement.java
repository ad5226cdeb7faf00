package dev.dstack.workflows.fleet;

import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.resources.Resources;
import org.jspecify.annotations.Nullable;

/**
 * A claim of one job on one instance.
 *
 * @param offer what the instance is, its price included
 * @param taken what of it the job has
 * @param hostname absent when the provider gives none
 */
public record Placement(
    JobId job,
    InstanceId instance,
    String instanceName,
    int instanceNum,
    FleetRef fleet,
    Offer offer,
    Resources taken,
    int blocks,
    int totalBlocks,
    @Nullable String hostname) {}
