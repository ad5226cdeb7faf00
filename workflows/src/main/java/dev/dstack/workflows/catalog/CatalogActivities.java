package dev.dstack.workflows.catalog;

import io.temporal.activity.ActivityInterface;

/** Reads price lists. */
@ActivityInterface(namePrefix = "catalog.")
public interface CatalogActivities {
  /**
   * Reads the provider's public price list and puts it in the place of the snapshot there is, or
   * changes nothing. Repeating it changes nothing more.
   */
  CatalogNews refreshCatalog(String provider);
}
