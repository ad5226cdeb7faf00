package dev.dstack.model.wire.run;

import dev.dstack.model.json.Frozen;
import java.util.List;

/**
 * Why a plan has no offers; beyond dstack 0.22.5.
 *
 * @param refusals each fleet, instance and offer with what it lacks
 */
public record PlanRefusals(List<String> refusals) {
  public PlanRefusals {
    refusals = Frozen.list(refusals);
  }
}
