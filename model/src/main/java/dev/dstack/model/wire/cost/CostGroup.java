package dev.dstack.model.wire.cost;

import dev.dstack.model.json.Frozen;
import java.util.List;

/**
 * @param count how many there are that cost something
 * @param items the most expensive ones, the first the most
 */
public record CostGroup(double cost, int count, List<CostItem> items) {
  public CostGroup {
    items = Frozen.list(items);
  }
}
