package dev.dstack.backends;

import dev.dstack.model.resources.Resources;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The prices and shapes that are known of a provider without asking it. */
public interface Catalog {
  Catalog EMPTY = _ -> List.of();

  /** All that is known of this provider, such as {@code aws}; empty: nothing. In any order. */
  List<Entry> entries(String provider);

  /**
   * A machine type in a region, on demand or as a spot machine (its resources say which).
   *
   * @param zones where the price holds; empty: in the entire region
   * @param resources what it has; the disk is the largest that it can have, 0 where one may choose
   * @param price dollars an hour
   * @param data what else the catalog knows of it, for the offer's {@code backendData}
   */
  record Entry(
      String provider,
      String instanceType,
      String region,
      List<String> zones,
      Resources resources,
      double price,
      @Nullable String source,
      Map<String, String> data) {
    public Entry {
      zones = List.copyOf(zones);
      data = Map.copyOf(data);
    }
  }
}
