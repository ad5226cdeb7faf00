package dev.dstack.activities.catalog;

import dev.dstack.db.catalog.CatalogEntry;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.json.Json;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/**
 * AWS's public price list of EC2: an index of regions, and for each a table of hundreds of
 * megabytes, of which a few hundred lines matter. A table is read line by line and never kept.
 */
final class AwsPriceList {
  private static final String INDEX = "/offers/v1.0/aws/AmazonEC2/current/region_index.json";
  private static final Duration ANSWER = Duration.ofMinutes(1);
  private static final int INDEX_LIMIT = 1024 * 1024;

  private final HttpClient http;
  private final URI base;

  /**
   * @param base without a path
   */
  AwsPriceList(HttpClient http, URI base) {
    this.http = http;
    this.base = base;
  }

  /** Each region's table, whose path changes with its version. */
  SortedMap<String, String> tables() {
    try (InputStream body = get(INDEX)) {
      byte[] json = body.readNBytes(INDEX_LIMIT);
      SortedMap<String, String> tables = new TreeMap<>();
      JsonNode regions = Json.lenient().readTree(json).path("regions");
      regions
          .properties()
          .forEach(
              region -> {
                String path = region.getValue().path("currentVersionUrl").asString("");
                if (path.startsWith("/") && path.endsWith(".json")) {
                  tables.put(region.getKey(), path.substring(0, path.length() - 4) + "csv");
                }
              });
      if (tables.isEmpty()) {
        throw garbage(INDEX, "it names no regions");
      }
      return tables;
    } catch (IOException e) {
      throw unavailable(INDEX, e);
    } catch (JacksonException e) {
      throw garbage(INDEX, e.getOriginalMessage());
    }
  }

  /**
   * @param progress told now and then how many lines were read
   */
  List<CatalogEntry> onDemand(String region, String path, Consumer<Long> progress) {
    try (InputStream body = get(path);
        BufferedReader reader =
            new BufferedReader(new InputStreamReader(body, StandardCharsets.UTF_8), 1 << 16)) {
      AwsPriceTable table = new AwsPriceTable(region);
      List<CatalogEntry> entries = new ArrayList<>();
      long lines = 0;
      for (String line = line(reader); line != null; line = line(reader)) {
        table.read(line).ifPresent(entries::add);
        if (++lines % 10_000 == 0) {
          progress.accept(lines);
        }
      }
      if (entries.isEmpty()) {
        throw garbage(path, "no line of it is a price that this version understands");
      }
      return entries;
    } catch (IOException e) {
      throw unavailable(path, e);
    } catch (IllegalArgumentException e) {
      throw garbage(path, String.valueOf(e.getMessage()));
    }
  }

  /** A line without an end must not fill the memory. */
  private static @Nullable String line(BufferedReader reader) throws IOException {
    StringBuilder line = new StringBuilder(1 << 10);
    for (int c = reader.read(); c != '\n'; c = reader.read()) {
      if (c < 0) {
        return line.isEmpty() ? null : line.toString();
      }
      if (line.length() >= AwsPriceTable.LONGEST_LINE) {
        throw new IllegalArgumentException("a line is too long");
      }
      if (c != '\r') {
        line.append((char) c);
      }
    }
    return line.toString();
  }

  private InputStream get(String path) throws IOException {
    HttpRequest request = HttpRequest.newBuilder(base.resolve(path)).timeout(ANSWER).build();
    try {
      HttpResponse<InputStream> response =
          http.send(request, HttpResponse.BodyHandlers.ofInputStream());
      int status = response.statusCode();
      if (status == 200) {
        return response.body();
      }
      response.body().close();
      boolean later = status >= 500 || status == 429 || status == 408;
      throw new DstackException(
          later ? ErrorKind.BACKEND_UNAVAILABLE : ErrorKind.NOT_FOUND,
          String.format(
              Locale.ROOT,
              "AWS's price list at %s answered %d%s",
              request.uri(),
              status,
              later ? "" : ". Check DSTACK_CATALOG_AWS_URL."));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new DstackException(
          ErrorKind.BACKEND_UNAVAILABLE, "Reading AWS's price list was interrupted.", e);
    }
  }

  private DstackException unavailable(String path, IOException e) {
    return new DstackException(
        ErrorKind.BACKEND_UNAVAILABLE,
        "AWS's price list at "
            + base.resolve(path)
            + " can't be read: "
            + (e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage()),
        e);
  }

  private DstackException garbage(String path, String why) {
    return new DstackException(
        ErrorKind.INVALID_SPEC,
        "AWS's price list at "
            + base.resolve(path)
            + " is not what this version reads: "
            + why
            + ". The prices that were known before still hold.");
  }
}
