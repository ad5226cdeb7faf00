package dev.dstack.activities.cloud;

import dev.dstack.backends.ComputeBackend;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.offer.Requirements;
import dev.dstack.workflows.fleet.Refusals;
import dev.dstack.workflows.instance.FoundOffers;
import dev.dstack.workflows.instance.OfferSearch;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Of thousands of offers the few that a fleet needs to know, or else what is wrong with all. */
final class OfferChoice {
  private static final int KEPT = 50;

  private OfferChoice() {}

  static FoundOffers of(ComputeBackend backend, OfferSearch search) {
    List<Offer> fitting = new ArrayList<>();
    for (Offer offer : backend.offers(search.fleet())) {
      if (refusal(offer, search).isEmpty()) {
        Requirements wanted = search.wanted();
        fitting.add(wanted == null ? offer : wanted.narrowed(offer));
        if (fitting.size() == KEPT) {
          break;
        }
      }
    }
    if (!fitting.isEmpty()) {
      return new FoundOffers(fitting, List.of());
    }
    Refusals refusals = new Refusals();
    for (Offer offer : backend.offers(OfferPublisher.ANYTHING)) {
      search
          .fleet()
          .refusal(offer)
          .map(why -> "the fleet's " + why)
          .or(() -> refusal(offer, search))
          .ifPresent(why -> refusals.add(offer, why));
    }
    return new FoundOffers(List.of(), refusals.list());
  }

  private static Optional<String> refusal(Offer offer, OfferSearch search) {
    Requirements wanted = search.wanted();
    if (search.region() != null && !search.region().equals(offer.region())) {
      return Optional.of(
          "region: is " + offer.region() + ", asked " + search.region() + " for the cluster");
    }
    Optional<String> unfit = wanted == null ? Optional.empty() : wanted.refusal(offer);
    return unfit.isPresent() || offer.availability().usable()
        ? unfit
        : Optional.of("is " + offer.availability().wire().replace('_', ' '));
  }
}
