package dev.dstack.db.catalog;

import dev.dstack.model.resources.CpuArch;
import dev.dstack.model.resources.Gpu;
import dev.dstack.model.resources.GpuVendor;
import dev.dstack.model.resources.Resources;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;

/**
 * The snapshot that comes with this version; {@code SOURCES.md} beside it says where it is from.
 */
public final class BundledCatalog {
  static final String VERSION = "bundled-2026-11-21";
  static final Instant AS_OF = Instant.parse("2026-11-21T00:00:00Z");

  private static final String SOURCE = "bundled snapshot, see SOURCES.md of its package";
  private static final String RESOURCE = "offers.csv.gz";
  private static final String HEADER =
      "backend,instance_type,region,zone,cpus,memory_gib,gpu_vendor,gpu_name,gpu_count,"
          + "gpu_memory_gib,disk_gib_max,price_usd_per_hour,spot,source,source_date";

  /** Grace processors come with their accelerators; of AWS's own types the generation says it. */
  private static final Pattern SUPERCHIP = Pattern.compile("(?i)g[bh]\\d+");

  private BundledCatalog() {}

  /** What is known of this provider; empty when it is not in the snapshot. */
  static Optional<CatalogSnapshot> snapshot(String provider) {
    return entries().containsKey(provider)
        ? Optional.of(new CatalogSnapshot(provider, VERSION, SOURCE, AS_OF))
        : Optional.empty();
  }

  static List<CatalogEntry> entries(String provider) {
    return entries().getOrDefault(provider, List.of());
  }

  /** By provider. Read anew each time: it is needed once in an installation's life. */
  static Map<String, List<CatalogEntry>> entries() {
    try (InputStream file =
            Objects.requireNonNull(BundledCatalog.class.getResourceAsStream(RESOURCE), RESOURCE);
        BufferedReader lines =
            new BufferedReader(
                new InputStreamReader(new GZIPInputStream(file), StandardCharsets.UTF_8))) {
      if (!HEADER.equals(lines.readLine())) {
        throw new IllegalStateException(RESOURCE + " has other columns than this version reads");
      }
      Map<String, List<CatalogEntry>> entries = new TreeMap<>();
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        List<String> cells = cells(line);
        entries.computeIfAbsent(cells.getFirst(), _ -> new ArrayList<>()).add(entry(cells));
      }
      return Collections.unmodifiableMap(entries);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static CatalogEntry entry(List<String> cells) {
    String provider = cells.get(0);
    String gpuName = cells.get(7);
    int gpuCount = cells.get(8).isEmpty() ? 0 : Integer.parseInt(cells.get(8));
    Resources resources =
        new Resources(
            SUPERCHIP.matcher(gpuName).lookingAt() ? CpuArch.ARM : CpuArch.X86,
            whole(cells.get(4)),
            1024L * whole(cells.get(5)),
            1024L * whole(cells.get(10)),
            gpuCount == 0
                ? List.of()
                : Collections.nCopies(
                    gpuCount,
                    new Gpu(
                        GpuVendor.valueOf(cells.get(6).toUpperCase(Locale.ROOT)),
                        gpuName,
                        1024 * whole(cells.get(9)))),
            Boolean.parseBoolean(cells.get(12)));
    // AWS's spot rows say which zone is the cheapest, not where else there are machines.
    boolean zonal = !cells.get(3).isEmpty() && !provider.equals("aws");
    return new CatalogEntry(
        cells.get(1),
        cells.get(2),
        zonal ? List.of(cells.get(3).split(";", -1)) : List.of(),
        resources,
        Double.parseDouble(cells.get(11)),
        cells.get(13));
  }

  private static int whole(String cell) {
    return cell.isEmpty() ? 0 : (int) Math.round(Double.parseDouble(cell));
  }

  /** A cell with a comma stands in quotes. */
  static List<String> cells(String line) {
    List<String> cells = new ArrayList<>();
    StringBuilder cell = new StringBuilder();
    boolean quoted = false;
    for (int i = 0; i < line.length(); i++) {
      char c = line.charAt(i);
      if (c == '"') {
        boolean doubled = quoted && i + 1 < line.length() && line.charAt(i + 1) == '"';
        if (doubled) {
          cell.append(c);
          i++;
        } else {
          quoted = !quoted;
        }
      } else if (c == ',' && !quoted) {
        cells.add(cell.toString());
        cell.setLength(0);
      } else {
        cell.append(c);
      }
    }
    cells.add(cell.toString());
    return cells;
  }
}
