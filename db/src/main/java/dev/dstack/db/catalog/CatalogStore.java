package dev.dstack.db.catalog;

import static dev.dstack.db.jooq.generated.records.Tables.CATALOG_OFFER;
import static dev.dstack.db.jooq.generated.records.Tables.CATALOG_SNAPSHOT;

import dev.dstack.db.Clean;
import dev.dstack.db.Database;
import dev.dstack.db.jooq.generated.records.tables.records.CatalogOfferRecord;
import dev.dstack.model.resources.CpuArch;
import dev.dstack.model.resources.Gpu;
import dev.dstack.model.resources.GpuVendor;
import dev.dstack.model.resources.Resources;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.UUID;
import org.jooq.DSLContext;
import org.jooq.Record;

/**
 * The catalog in the database: of each provider the snapshot with the latest date. What comes with
 * this version is loaded when somebody first asks for its provider, once in an installation's life.
 */
public final class CatalogStore {
  /** Rows sent at once. */
  private static final int CHUNK = 1_000;

  private final Database database;
  private final InstantSource clock;

  /**
   * @param database a pool of role WORKER; one that only reads may have role API
   */
  public CatalogStore(Database database, InstantSource clock) {
    this.database = database;
    this.clock = clock;
  }

  /** A snapshot that is in the database. */
  public record Stored(UUID id, CatalogSnapshot snapshot, Instant loadedAt, int rows) {}

  /** The snapshots that hold now, by provider. */
  public List<Stored> snapshots() {
    return database.read(
        dsl ->
            dsl.selectFrom(CATALOG_SNAPSHOT)
                .orderBy(CATALOG_SNAPSHOT.PROVIDER)
                .fetch(CatalogStore::stored));
  }

  public Optional<Stored> current(String provider) {
    return database.read(dsl -> current(dsl, provider));
  }

  /** As {@link #current}, after the bundled snapshot was loaded if it is the newest. */
  public Optional<Stored> load(String provider) {
    Optional<Stored> known = current(provider);
    if (known.isPresent() && !known.get().snapshot().asOf().isBefore(BundledCatalog.AS_OF)) {
      return known;
    }
    Optional<CatalogSnapshot> bundled = BundledCatalog.snapshot(provider);
    if (bundled.isPresent()) {
      store(bundled.get(), BundledCatalog.entries(provider).iterator());
    }
    return current(provider);
  }

  /** All lines of a snapshot, cheapest first. */
  public List<CatalogEntry> entries(UUID snapshot) {
    return database.read(
        dsl ->
            dsl.selectFrom(CATALOG_OFFER)
                .where(CATALOG_OFFER.SNAPSHOT.eq(snapshot))
                .orderBy(CATALOG_OFFER.PRICE, CATALOG_OFFER.INSTANCE_TYPE, CATALOG_OFFER.REGION)
                .fetch(CatalogStore::entry));
  }

  /**
   * Puts a snapshot in the place of the one there is, all of it or nothing; several workers may do
   * so at once. The lines are taken as they come and never all in memory.
   *
   * @return whether it holds now; not when there is one of a later date, or the same one
   */
  public boolean store(CatalogSnapshot snapshot, Iterator<CatalogEntry> entries) {
    return database.inTransaction(
        dsl -> {
          dsl.execute("SELECT pg_advisory_xact_lock(hashtext('dstack-catalog'))");
          Optional<Stored> there = current(dsl, snapshot.provider());
          boolean older =
              there.isPresent()
                  && (there.get().snapshot().asOf().isAfter(snapshot.asOf())
                      || there.get().snapshot().version().equals(snapshot.version()));
          if (older) {
            return false;
          }
          dsl.deleteFrom(CATALOG_SNAPSHOT)
              .where(CATALOG_SNAPSHOT.PROVIDER.eq(snapshot.provider()))
              .execute();
          insert(dsl, snapshot, entries);
          return true;
        });
  }

  private void insert(DSLContext dsl, CatalogSnapshot snapshot, Iterator<CatalogEntry> entries) {
    UUID id = UUID.randomUUID();
    dsl.insertInto(CATALOG_SNAPSHOT)
        .set(CATALOG_SNAPSHOT.ID, id)
        .set(CATALOG_SNAPSHOT.PROVIDER, snapshot.provider())
        .set(CATALOG_SNAPSHOT.VERSION, Clean.text(snapshot.version()))
        .set(CATALOG_SNAPSHOT.SOURCE, Clean.text(snapshot.source()))
        .set(CATALOG_SNAPSHOT.AS_OF, Clean.instant(snapshot.asOf()))
        .set(CATALOG_SNAPSHOT.LOADED_AT, Clean.instant(clock.instant()))
        .set(CATALOG_SNAPSHOT.ROW_COUNT, 0)
        .execute();
    int rows = 0;
    List<CatalogOfferRecord> chunk = new ArrayList<>(CHUNK);
    while (entries.hasNext()) {
      chunk.add(row(id, entries.next()));
      if (chunk.size() == CHUNK || !entries.hasNext()) {
        dsl.batchInsert(chunk).execute();
        rows += chunk.size();
        chunk.clear();
      }
    }
    dsl.update(CATALOG_SNAPSHOT)
        .set(CATALOG_SNAPSHOT.ROW_COUNT, rows)
        .where(CATALOG_SNAPSHOT.ID.eq(id))
        .execute();
  }

  private static Optional<Stored> current(DSLContext dsl, String provider) {
    return dsl.selectFrom(CATALOG_SNAPSHOT)
        .where(CATALOG_SNAPSHOT.PROVIDER.eq(provider))
        .orderBy(CATALOG_SNAPSHOT.AS_OF.desc())
        .limit(1)
        .fetchOptional(CatalogStore::stored);
  }

  private static Stored stored(Record row) {
    return new Stored(
        row.get(CATALOG_SNAPSHOT.ID),
        new CatalogSnapshot(
            row.get(CATALOG_SNAPSHOT.PROVIDER),
            row.get(CATALOG_SNAPSHOT.VERSION),
            row.get(CATALOG_SNAPSHOT.SOURCE),
            row.get(CATALOG_SNAPSHOT.AS_OF)),
        row.get(CATALOG_SNAPSHOT.LOADED_AT),
        row.get(CATALOG_SNAPSHOT.ROW_COUNT));
  }

  private static CatalogOfferRecord row(UUID snapshot, CatalogEntry entry) {
    Resources resources = entry.resources();
    Gpu gpu = resources.gpus().isEmpty() ? null : resources.gpus().getFirst();
    CatalogOfferRecord row = new CatalogOfferRecord();
    row.setSnapshot(snapshot);
    row.setInstanceType(Clean.text(entry.instanceType()));
    row.setRegion(Clean.text(entry.region()));
    row.setZones(entry.zones().toArray(String[]::new));
    row.setArch(resources.arch().wire());
    row.setCpus((int) resources.cpus());
    row.setMemoryMib(resources.memoryMib());
    row.setDiskMib(resources.diskMib());
    row.setGpuVendor(gpu == null ? null : gpu.vendor().wire());
    row.setGpuName(gpu == null ? null : Clean.text(gpu.name()));
    row.setGpuCount(resources.gpus().size());
    row.setGpuMemoryMib(gpu == null ? 0 : gpu.memoryMib());
    row.setSpot(resources.spot());
    row.setPrice(entry.price());
    row.setSource(Clean.textOrNull(entry.source()));
    return row;
  }

  private static CatalogEntry entry(CatalogOfferRecord row) {
    String vendor = row.getGpuVendor();
    List<Gpu> gpus =
        vendor == null
            ? List.of()
            : Collections.nCopies(
                row.getGpuCount(),
                new Gpu(
                    GpuVendor.valueOf(vendor.toUpperCase(Locale.ROOT)),
                    row.getGpuName(),
                    row.getGpuMemoryMib()));
    return new CatalogEntry(
        row.getInstanceType(),
        row.getRegion(),
        List.of(row.getZones()),
        new Resources(
            CpuArch.valueOf(row.getArch().toUpperCase(Locale.ROOT)),
            row.getCpus(),
            row.getMemoryMib(),
            row.getDiskMib(),
            gpus,
            row.getSpot()),
        row.getPrice(),
        row.getSource());
  }
}
