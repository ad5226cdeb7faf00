package dev.dstack.workflows.instance;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.dstack.model.offer.Offer;
import dev.dstack.workflows.fleet.FleetAnswer.Refusal;
import java.util.List;

/**
 * @param offers the cheapest ones, so few that a history can hold them
 * @param refused when there are none: what the backend has, grouped by why it does not fit
 */
public record FoundOffers(
    List<Offer> offers, @JsonInclude(JsonInclude.Include.NON_EMPTY) List<Refusal> refused) {
  public FoundOffers {
    offers = List.copyOf(offers);
    refused = refused == null ? List.of() : List.copyOf(refused);
  }
}
