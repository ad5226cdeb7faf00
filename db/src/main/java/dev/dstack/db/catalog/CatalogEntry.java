package dev.dstack.db.catalog;

import dev.dstack.model.resources.Resources;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A machine type in a region, on demand or as a spot machine.
 *
 * @param zones where the price holds; empty: in the entire region
 * @param resources the disk is the largest that it can have, 0 where one may choose
 * @param price dollars an hour
 * @param source where this line was read; absent: where the whole snapshot was
 */
public record CatalogEntry(
    String instanceType,
    String region,
    List<String> zones,
    Resources resources,
    double price,
    @Nullable String source) {
  public CatalogEntry {
    zones = List.copyOf(zones);
  }
}
