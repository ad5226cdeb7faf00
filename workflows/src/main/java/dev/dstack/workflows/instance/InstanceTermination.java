package dev.dstack.workflows.instance;

import dev.dstack.model.instance.InstanceTerminationReason;

/** A wish that the machine be gone. */
public record InstanceTermination(InstanceTerminationReason reason, String message) {}
