package dev.dstack.backends;

import dev.dstack.model.offer.Offer;

/** A machine to be made of an offer. */
public record MachineSpec(
    InstanceTag tag, String instanceName, String project, Offer offer, MachineOptions options) {
  public MachineSpec(InstanceTag tag, String instanceName, String project, Offer offer) {
    this(tag, instanceName, project, offer, MachineOptions.NONE);
  }
}
