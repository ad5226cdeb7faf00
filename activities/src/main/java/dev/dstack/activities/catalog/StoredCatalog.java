package dev.dstack.activities.catalog;

import dev.dstack.backends.Catalog;
import dev.dstack.db.catalog.CatalogStore;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The catalog in the database. The same list is given until there is a newer snapshot, so what is
 * derived from it can be kept as long.
 */
public final class StoredCatalog implements Catalog {
  private final CatalogStore store;
  private final Map<String, Known> known = new ConcurrentHashMap<>();

  private record Known(UUID snapshot, List<Entry> entries) {}

  public StoredCatalog(CatalogStore store) {
    this.store = store;
  }

  @Override
  public List<Entry> entries(String provider) {
    Optional<CatalogStore.Stored> current = store.load(provider);
    if (current.isEmpty()) {
      return List.of();
    }
    UUID snapshot = current.get().id();
    return known
        .compute(
            provider,
            (_, before) ->
                before != null && before.snapshot().equals(snapshot)
                    ? before
                    : new Known(snapshot, read(provider, snapshot)))
        .entries();
  }

  private List<Entry> read(String provider, UUID snapshot) {
    return store.entries(snapshot).stream()
        .map(
            one ->
                new Entry(
                    provider,
                    one.instanceType(),
                    one.region(),
                    one.zones(),
                    one.resources(),
                    one.price(),
                    one.source(),
                    Map.of()))
        .toList();
  }
}
