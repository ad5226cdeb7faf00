package dev.dstack.db.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.dstack.db.Database;
import dev.dstack.db.DatabaseRole;
import dev.dstack.db.DatabaseUrl;
import dev.dstack.db.TestDatabase;
import dev.dstack.model.resources.CpuArch;
import dev.dstack.model.resources.Resources;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class CatalogStoreTest {
  private static final Instant NOW = Instant.parse("2027-02-01T12:00:00Z");

  private static Database worker;
  private static Database api;
  private static CatalogStore store;

  @BeforeAll
  static void open() {
    DatabaseUrl url = TestDatabase.migrated();
    worker = Database.open(url, DatabaseRole.WORKER, 2);
    api = Database.open(url, DatabaseRole.API, 1);
    store = new CatalogStore(worker, InstantSource.fixed(NOW));
  }

  @AfterAll
  static void close() {
    worker.close();
    api.close();
  }

  @Test
  void everyRowOfTheBundledSnapshotIsReadAsItIs() {
    Map<String, List<CatalogEntry>> all = BundledCatalog.entries();

    assertThat(all.values().stream().mapToInt(List::size).sum()).isEqualTo(2_515);
    assertThat(all.keySet()).contains("aws", "azure", "gcp", "lambda", "runpod", "vastai");
    assertThat(all.values())
        .allSatisfy(
            entries ->
                assertThat(entries)
                    .allSatisfy(
                        entry -> {
                          assertThat(entry.price()).isPositive();
                          assertThat(entry.region()).isNotEmpty();
                        }));
    CatalogEntry spot =
        all.get("aws").stream()
            .filter(one -> one.instanceType().equals("g5.12xlarge") && one.resources().spot())
            .findFirst()
            .orElseThrow();
    assertThat(spot.resources().cpus()).isEqualTo(48);
    assertThat(spot.resources().memoryMib()).isEqualTo(192 * 1024);
    assertThat(spot.resources().gpus()).hasSize(4);
    assertThat(spot.resources().gpus().getFirst().name()).isEqualTo("A10G");
    assertThat(spot.zones()).isEmpty();
    assertThat(all.get("gcp"))
        .filteredOn(one -> one.instanceType().equals("a2-highgpu-1g"))
        .anySatisfy(one -> assertThat(one.zones()).contains("us-central1-a", "us-central1-f"));
    assertThat(all.get("lambda"))
        .filteredOn(one -> one.instanceType().equals("gpu_1x_gh200"))
        .allSatisfy(one -> assertThat(one.resources().arch()).isEqualTo(CpuArch.ARM));
  }

  @Test
  void theBundledSnapshotIsLoadedOnceAndOnlyForWhoIsAsked() {
    CatalogStore.Stored first = store.load("lambda").orElseThrow();
    CatalogStore.Stored again = store.load("lambda").orElseThrow();

    assertThat(again.id()).isEqualTo(first.id());
    assertThat(first.rows()).isEqualTo(425);
    assertThat(first.loadedAt()).isEqualTo(NOW);
    assertThat(store.entries(first.id()))
        .hasSize(425)
        .containsAll(BundledCatalog.entries("lambda"));
    assertThat(store.load("nobody")).isEmpty();
    assertThat(store.current("oci")).isEmpty();
    CatalogStore reader = new CatalogStore(api, InstantSource.fixed(NOW));
    assertThat(reader.entries(first.id())).hasSize(425);
    assertThat(reader.snapshots()).extracting(one -> one.snapshot().provider()).contains("lambda");
  }

  @Test
  void aLaterSnapshotTakesThePlaceAndAnEarlierOneDoesNot() {
    assertThat(store.load("verda")).isPresent();
    CatalogSnapshot later = snapshot("verda", "list-2", NOW);

    assertThat(store.store(later, entries(2_345))).isTrue();
    assertThat(store.store(later, entries(1))).isFalse();
    assertThat(store.store(snapshot("verda", "list-1", NOW.minusSeconds(1)), entries(1))).isFalse();

    CatalogStore.Stored current = store.load("verda").orElseThrow();
    assertThat(current.snapshot()).isEqualTo(later);
    assertThat(current.rows()).isEqualTo(2_345);
    assertThat(store.entries(current.id())).hasSize(2_345);
    assertThat(store.snapshots())
        .filteredOn(one -> one.snapshot().provider().equals("verda"))
        .hasSize(1);
  }

  @Test
  void aListThatBreaksOffChangesNothing() {
    CatalogStore.Stored before = store.load("nebius").orElseThrow();
    Iterator<CatalogEntry> broken =
        new Iterator<>() {
          private int given;

          @Override
          public boolean hasNext() {
            return true;
          }

          @Override
          public CatalogEntry next() {
            if (given++ > 1_500) {
              throw new IllegalStateException("the connection was closed");
            }
            return entry(given);
          }
        };

    assertThatThrownBy(() -> store.store(snapshot("nebius", "half", NOW), broken))
        .hasMessageContaining("the connection was closed");

    assertThat(store.load("nebius")).contains(before);
    assertThat(store.entries(before.id())).hasSize(before.rows());
  }

  @Test
  void aCellMayBeQuoted() {
    assertThat(BundledCatalog.cells("vastai,\"Sweden, SE\",,\"a \"\"b\"\"\",1"))
        .containsExactly("vastai", "Sweden, SE", "", "a \"b\"", "1");
  }

  private static CatalogSnapshot snapshot(String provider, String version, Instant asOf) {
    return new CatalogSnapshot(provider, version, "a test", asOf.plus(Duration.ofDays(1)));
  }

  private static Iterator<CatalogEntry> entries(int count) {
    return IntStream.range(0, count).mapToObj(CatalogStoreTest::entry).iterator();
  }

  private static CatalogEntry entry(int number) {
    return new CatalogEntry(
        "type-" + number,
        "eu-1",
        List.of(),
        new Resources(CpuArch.X86, 4, 8 * 1024, 0, List.of(), number % 2 == 0),
        0.1 + number,
        null);
  }
}
