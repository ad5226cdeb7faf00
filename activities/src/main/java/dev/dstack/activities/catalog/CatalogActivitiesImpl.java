package dev.dstack.activities.catalog;

import dev.dstack.activities.support.Heartbeats;
import dev.dstack.activities.support.Heartbeats.Beating;
import dev.dstack.db.Database;
import dev.dstack.db.catalog.CatalogEntry;
import dev.dstack.db.catalog.CatalogSnapshot;
import dev.dstack.db.catalog.CatalogStore;
import dev.dstack.db.records.BackendStore;
import dev.dstack.db.records.ConfiguredBackends;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.offer.BackendType;
import dev.dstack.workflows.catalog.CatalogActivities;
import dev.dstack.workflows.catalog.CatalogNews;
import dev.dstack.workflows.catalog.CatalogNews.Outcome;
import java.net.URI;
import java.net.http.HttpClient;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;

/** Brings AWS's prices on demand up to date; the list has no spot prices, the known ones stay. */
public final class CatalogActivitiesImpl implements CatalogActivities {
  public static final String AWS = "aws";

  private final Database database;
  private final BackendStore backends;
  private final CatalogStore store;
  private final AwsPriceList list;
  private final Heartbeats heartbeats;
  private final InstantSource clock;

  /**
   * @param awsUrl where AWS's price list is, without a path
   */
  public CatalogActivitiesImpl(
      Database database,
      BackendStore backends,
      URI awsUrl,
      Heartbeats heartbeats,
      InstantSource clock) {
    this.database = database;
    this.backends = backends;
    this.store = new CatalogStore(database, clock);
    this.list =
        new AwsPriceList(
            HttpClient.newBuilder()
                .connectTimeout(Duration.ofSeconds(10))
                .followRedirects(HttpClient.Redirect.NORMAL)
                .build(),
            awsUrl);
    this.heartbeats = heartbeats;
    this.clock = clock;
  }

  @Override
  public CatalogNews refreshCatalog(String provider) {
    if (!provider.equals(AWS)) {
      throw new DstackException(
          ErrorKind.INVALID_SPEC, "There is no price list of " + provider + " to read.");
    }
    List<ProjectId> users =
        ConfiguredBackends.all(database).stream()
            .filter(one -> one.getValue().equals(new BackendType(AWS)))
            .map(Map.Entry::getKey)
            .toList();
    if (users.isEmpty()) {
      return new CatalogNews(AWS, Outcome.NOT_NEEDED, "No project has the backend aws.", 0);
    }
    try (Beating beating = heartbeats.start("the index of regions")) {
      try {
        return refresh(users, beating);
      } catch (RuntimeException e) {
        beating.check();
        throw e;
      }
    }
  }

  private CatalogNews refresh(List<ProjectId> users, Beating beating) {
    Optional<CatalogStore.Stored> before = store.load(AWS);
    List<CatalogEntry> known = before.map(stored -> store.entries(stored.id())).orElse(List.of());
    SortedMap<String, String> tables = new TreeMap<>(list.tables());
    tables.keySet().retainAll(regions(users, known));
    if (tables.isEmpty()) {
      throw new DstackException(
          ErrorKind.INVALID_SPEC, "AWS's price list has none of the regions of the backends aws.");
    }
    String version = "list-" + Integer.toHexString(tables.hashCode());
    if (before.isPresent() && before.get().snapshot().version().equals(version)) {
      return new CatalogNews(
          AWS, Outcome.UNCHANGED, "AWS has published no newer list.", before.get().rows());
    }
    List<CatalogEntry> entries = new ArrayList<>();
    tables.forEach(
        (region, path) -> {
          beating.check();
          entries.addAll(
              list.onDemand(
                  region, path, lines -> beating.details(region + ": " + lines + " lines")));
        });
    known.stream()
        .filter(one -> one.resources().spot() || !tables.containsKey(one.region()))
        .forEach(entries::add);
    store.store(
        new CatalogSnapshot(
            AWS,
            version,
            "AWS's public price list for "
                + String.join(", ", tables.keySet())
                + "; other regions and spot prices as they were",
            clock.instant()),
        entries.iterator());
    return new CatalogNews(
        AWS,
        Outcome.REFRESHED,
        "Prices on demand of " + String.join(", ", tables.keySet()),
        entries.size());
  }

  /** Those of the backends; where one is not limited to some, those that are known. */
  private SortedSet<String> regions(List<ProjectId> users, List<CatalogEntry> known) {
    SortedSet<String> regions = new TreeSet<>();
    for (ProjectId project : users) {
      Optional<BackendStore.StoredBackend> backend = backends.get(project, AWS);
      JsonNode limited = backend.map(one -> one.config().path("regions")).orElse(null);
      if (limited != null && limited.isArray() && !limited.isEmpty()) {
        limited.forEach(region -> regions.add(region.asString("")));
      } else {
        known.forEach(entry -> regions.add(entry.region()));
      }
    }
    return regions;
  }
}
