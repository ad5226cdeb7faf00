package dev.dstack.workflows.fleet;

import dev.dstack.model.offer.Offer;
import dev.dstack.workflows.instance.FoundOffers;
import dev.dstack.workflows.instance.InstanceReport;
import dev.dstack.workflows.instance.OfferSearch;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What can happen to a fleet. */
sealed interface FleetEvent {
  record Begin() implements FleetEvent {}

  record Reserve(ReserveRequest request) implements FleetEvent {}

  record Release(ReleaseRequest request) implements FleetEvent {}

  record Reported(InstanceReport report) implements FleetEvent {}

  /** The workflow of an instance has ended, with or without having said so. */
  record InstanceClosed(int serial) implements FleetEvent {}

  record Reconfigure(FleetPlan plan) implements FleetEvent {}

  record Delete() implements FleetEvent {}

  record DeleteInstances(InstanceRemoval removal) implements FleetEvent {}

  record OffersFound(@Nullable OfferSearch search, FoundOffers found) implements FleetEvent {
    OffersFound(List<Offer> offers) {
      this(null, new FoundOffers(offers, List.of()));
    }
  }

  record OffersFailed(@Nullable OfferSearch search, String message) implements FleetEvent {
    OffersFailed(String message) {
      this(null, message);
    }
  }

  /** Which of the owners asked for are gone. */
  record OwnersClosed(List<String> workflowIds) implements FleetEvent {
    public OwnersClosed {
      workflowIds = List.copyOf(workflowIds);
    }
  }

  record Tick(Instant at) implements FleetEvent {}
}
