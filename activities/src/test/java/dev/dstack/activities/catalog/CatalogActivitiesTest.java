package dev.dstack.activities.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import dev.dstack.activities.Fixture;
import dev.dstack.activities.support.Heartbeats;
import dev.dstack.backends.Catalog;
import dev.dstack.db.catalog.CatalogStore;
import dev.dstack.db.records.BackendStore;
import dev.dstack.db.records.BackendStore.StoredBackend;
import dev.dstack.model.json.Json;
import dev.dstack.model.resources.CpuArch;
import dev.dstack.workflows.catalog.CatalogActivities;
import dev.dstack.workflows.catalog.CatalogNews;
import dev.dstack.workflows.catalog.CatalogNews.Outcome;
import io.temporal.testing.TestActivityEnvironment;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Against a small server with a table as AWS lays it out. */
class CatalogActivitiesTest {
  private static final String INDEX = "/offers/v1.0/aws/AmazonEC2/current/region_index.json";
  private static final InstantSource CLOCK =
      InstantSource.fixed(Instant.parse("2026-12-01T08:00:00Z"));

  private final Fixture fixture = new Fixture();
  private final Map<String, String> pages = new ConcurrentHashMap<>();
  private final AtomicInteger tablesRead = new AtomicInteger();
  private final Heartbeats heartbeats = new Heartbeats();
  private final TestActivityEnvironment temporal = TestActivityEnvironment.newInstance();
  private final HttpServer server = server();
  private final CatalogStore store = new CatalogStore(fixture.worker, CLOCK);
  private CatalogActivities catalog;

  @BeforeEach
  void open() {
    temporal.registerActivitiesImplementations(
        new CatalogActivitiesImpl(
            fixture.worker,
            new BackendStore(fixture.worker, fixture.encryption),
            URI.create("http://127.0.0.1:" + server.getAddress().getPort()),
            heartbeats,
            CLOCK));
    catalog = temporal.newActivityStub(CatalogActivities.class);
  }

  @AfterEach
  void close() {
    temporal.close();
    heartbeats.close();
    server.stop(0);
    fixture.close();
  }

  @Test
  void theListTakesThePlaceOfWhatWasKnownOfItsRegions() {
    configured("us-east-1");
    publish("20270101", "us-east-1", "eu-west-1");

    CatalogNews news = catalog.refreshCatalog("aws");

    assertThat(news.outcome()).isEqualTo(Outcome.REFRESHED);
    assertThat(tablesRead).hasValue(1);
    List<Catalog.Entry> entries = new StoredCatalog(store).entries("aws");
    assertThat(entries).hasSize(news.rows());
    assertThat(entries)
        .filteredOn(one -> one.region().equals("us-east-1") && !one.resources().spot())
        .extracting(Catalog.Entry::instanceType)
        .containsExactlyInAnyOrder("m7g.xlarge", "g5.12xlarge", "c6i.large");
    assertThat(entries)
        .filteredOn(one -> one.instanceType().equals("g5.12xlarge") && one.price() == 5.672)
        .singleElement()
        .satisfies(
            one -> {
              assertThat(one.resources().cpus()).isEqualTo(48);
              assertThat(one.resources().memoryMib()).isEqualTo(192 * 1024);
              assertThat(one.resources().gpus()).hasSize(4);
              assertThat(one.resources().gpus().getFirst().name()).isEqualTo("A10G");
            });
    assertThat(entries)
        .filteredOn(one -> one.instanceType().equals("m7g.xlarge"))
        .allSatisfy(one -> assertThat(one.resources().arch()).isEqualTo(CpuArch.ARM));
    // The list has no spot prices, and says nothing of regions that nobody uses.
    assertThat(entries).anySatisfy(one -> assertThat(one.resources().spot()).isTrue());
    assertThat(entries).anySatisfy(one -> assertThat(one.region()).isEqualTo("ap-northeast-1"));
  }

  @Test
  void theSameListIsNotReadAgainAndANewerOneIs() {
    configured("us-east-1");
    publish("20270101", "us-east-1");
    StoredCatalog read = new StoredCatalog(store);

    assertThat(catalog.refreshCatalog("aws").outcome()).isEqualTo(Outcome.REFRESHED);
    List<Catalog.Entry> first = read.entries("aws");
    assertThat(catalog.refreshCatalog("aws").outcome()).isEqualTo(Outcome.UNCHANGED);
    assertThat(read.entries("aws")).isSameAs(first);
    publish("20270108", "us-east-1");
    assertThat(catalog.refreshCatalog("aws").outcome()).isEqualTo(Outcome.REFRESHED);
    assertThat(read.entries("aws")).isNotSameAs(first);
    assertThat(tablesRead).hasValue(2);
  }

  @Test
  void nobodyReadsAListThatNobodyNeeds() {
    assertThat(catalog.refreshCatalog("aws").outcome()).isEqualTo(Outcome.NOT_NEEDED);
    assertThat(store.current("aws")).isEmpty();
  }

  @Test
  void garbageAndSilenceChangeNothing() {
    configured("us-east-1");
    CatalogStore.Stored before = store.load("aws").orElseThrow();

    assertThatThrownBy(() -> catalog.refreshCatalog("aws")).hasStackTraceContaining("answered 404");
    pages.put(INDEX, "<html>maintenance</html>");
    assertThatThrownBy(() -> catalog.refreshCatalog("aws"))
        .hasStackTraceContaining("is not what this version reads");
    publish("20270101", "us-east-1");
    pages.put(path("20270101", "us-east-1"), "a,b,c\n1,2,3\n");
    assertThatThrownBy(() -> catalog.refreshCatalog("aws"))
        .hasStackTraceContaining("no line of it is a price");
    pages.put(path("20270101", "us-east-1"), "x".repeat(100_000));
    assertThatThrownBy(() -> catalog.refreshCatalog("aws"))
        .hasStackTraceContaining("a line is too long");
    assertThatThrownBy(() -> catalog.refreshCatalog("gcp"))
        .hasStackTraceContaining("no price list of gcp");

    assertThat(store.current("aws")).contains(before);
  }

  private void configured(String... regions) {
    new BackendStore(fixture.api, fixture.encryption)
        .save(
            fixture.project,
            new StoredBackend(
                "aws",
                Json.tree(Map.of("regions", List.of(regions))),
                null,
                BackendStore.Source.API),
            CLOCK.instant());
  }

  private void publish(String version, String... regions) {
    StringBuilder index = new StringBuilder();
    for (String region : regions) {
      index
          .append(index.isEmpty() ? "" : ",")
          .append('"')
          .append(region)
          .append("\":{\"regionCode\":\"")
          .append(region)
          .append("\",\"currentVersionUrl\":\"")
          .append(path(version, region).replace(".csv", ".json"))
          .append("\"}");
      pages.put(path(version, region), table().replace("REGION", region));
    }
    pages.put(INDEX, "{\"formatVersion\":\"v1.0\",\"regions\":{" + index + "}}");
  }

  private static String path(String version, String region) {
    return "/offers/v1.0/aws/AmazonEC2/" + version + "/" + region + "/index.csv";
  }

  private static String table() {
    try (InputStream file =
        Objects.requireNonNull(
            CatalogActivitiesTest.class.getResourceAsStream("aws-price-list.csv"))) {
      return new String(file.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private HttpServer server() {
    try {
      HttpServer http =
          HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
      http.createContext(
          "/",
          exchange -> {
            String page = pages.get(exchange.getRequestURI().getPath());
            if (page != null && exchange.getRequestURI().getPath().endsWith(".csv")) {
              tablesRead.incrementAndGet();
            }
            byte[] body = page == null ? new byte[0] : page.getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(page == null ? 404 : 200, page == null ? -1 : body.length);
            if (page != null) {
              exchange.getResponseBody().write(body);
            }
            exchange.close();
          });
      http.start();
      return http;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
