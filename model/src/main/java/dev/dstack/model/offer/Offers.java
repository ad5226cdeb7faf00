package dev.dstack.model.offer;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;

/** Choosing among offers and putting lists of them together. */
public final class Offers {
  /** Of equal ones the order stays as it was. */
  public static final Comparator<Offer> BY_PRICE = Comparator.comparingDouble(Offer::price);

  private Offers() {}

  /** Those that satisfy the requirements, in the zones that are asked for, cheapest first. */
  public static List<Offer> matching(Requirements wanted, Iterable<Offer> offers) {
    List<Offer> matching = new ArrayList<>();
    for (Offer offer : offers) {
      if (wanted.refusal(offer).isEmpty()) {
        matching.add(wanted.narrowed(offer));
      }
    }
    matching.sort(BY_PRICE);
    return matching;
  }

  /**
   * Always the cheapest of the lists' heads comes next, so each backend's own order is kept even
   * where it is not the one of prices; among equal ones the earlier list is first.
   */
  public static List<Offer> merged(List<List<Offer>> lists) {
    record Head(List<Offer> list, int index, int position) {
      Offer offer() {
        return list.get(position);
      }
    }
    PriorityQueue<Head> heads =
        new PriorityQueue<>(
            Comparator.comparing(Head::offer, BY_PRICE).thenComparingInt(Head::index));
    List<Offer> merged = new ArrayList<>();
    for (int i = 0; i < lists.size(); i++) {
      if (!lists.get(i).isEmpty()) {
        heads.add(new Head(lists.get(i), i, 0));
      }
    }
    while (true) {
      Head next = heads.poll();
      if (next == null) {
        return merged;
      }
      merged.add(next.offer());
      if (next.position() + 1 < next.list().size()) {
        heads.add(new Head(next.list(), next.index(), next.position() + 1));
      }
    }
  }
}
