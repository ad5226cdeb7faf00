package dev.dstack.db.views;

import java.util.List;

/**
 * @param dollars of all, also of those that are not listed
 * @param all how many there are
 * @param largest the most expensive ones, the first the most
 */
public record Charges(double dollars, int all, List<Charge> largest) {
  public Charges {
    largest = List.copyOf(largest);
  }
}
