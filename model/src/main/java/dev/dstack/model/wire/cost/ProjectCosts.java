package dev.dstack.model.wire.cost;

import java.time.Instant;

/**
 * What a project's capacity cost within a period, in dollars.
 *
 * @param total of instances and volumes
 * @param runs how much of the instances they used; what is left was idle, or starting, or ending
 */
public record ProjectCosts(
    String projectName,
    Instant since,
    Instant until,
    double total,
    CostGroup instances,
    CostGroup volumes,
    CostGroup runs) {}
