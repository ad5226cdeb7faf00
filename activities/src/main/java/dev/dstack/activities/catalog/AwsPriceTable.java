package dev.dstack.activities.catalog;

import dev.dstack.db.catalog.CatalogEntry;
import dev.dstack.model.resources.CpuArch;
import dev.dstack.model.resources.Gpu;
import dev.dstack.model.resources.GpuVendor;
import dev.dstack.model.resources.Resources;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The table of one region, line by line: some lines about the table, the names of its columns, and
 * then for each machine type its prices under every operating system, tenancy and licence.
 */
final class AwsPriceTable {
  static final int LONGEST_LINE = 64 * 1024;
  private static final int LINES_BEFORE_NAMES = 20;

  /** What a line has to say, so that most lines need not be taken apart. */
  private static final List<String> SAID = List.of("\"OnDemand\"", "\"Linux\"", "\"Shared\"");

  private static final Map<String, Set<String>> WANTED =
      Map.of(
          "TermType", Set.of("OnDemand"),
          "Tenancy", Set.of("Shared"),
          "Operating System", Set.of("Linux"),
          "CapacityStatus", Set.of("Used"),
          "Unit", Set.of("Hrs"),
          "Currency", Set.of("USD"),
          "Pre Installed S/W", Set.of("", "NA"));

  /** The list counts accelerators but does not name them; families that are not here have none. */
  private static final Map<String, Gpu> GPUS =
      Map.ofEntries(
          gpu("g4dn", "T4", 16),
          gpu("g5", "A10G", 24),
          gpu("g6", "L4", 24),
          gpu("gr6", "L4", 24),
          gpu("g6e", "L40S", 48),
          gpu("g7e", "RTXPRO6000", 96),
          gpu("p3", "V100", 16),
          gpu("p3dn", "V100", 32),
          gpu("p4d", "A100", 40),
          gpu("p4de", "A100", 80),
          gpu("p5", "H100", 80),
          gpu("p5e", "H200", 141),
          gpu("p5en", "H200", 141),
          gpu("p6-b200", "B200", 180),
          gpu("p6-b300", "B300", 270));

  /** Accelerators that no job here can use, though the list may not count them as such. */
  private static final Set<String> OTHER_ACCELERATORS =
      Set.of("inf1", "inf2", "trn1", "trn1n", "trn2", "dl1", "dl2q", "f1", "f2", "vt1", "mac1");

  private final String region;
  private final Map<String, Integer> columns = new HashMap<>();
  private final Set<String> seen = new HashSet<>();
  private int lines;

  AwsPriceTable(String region) {
    this.region = region;
  }

  /**
   * @return the price that this line has, if it is one of ours
   * @throws IllegalArgumentException when it is another kind of table
   */
  Optional<CatalogEntry> read(String line) {
    if (columns.isEmpty()) {
      names(line);
      return Optional.empty();
    }
    return SAID.stream().allMatch(line::contains) ? price(cells(line)) : Optional.empty();
  }

  private void names(String line) {
    if (++lines > LINES_BEFORE_NAMES) {
      throw new IllegalArgumentException("its columns have no names");
    }
    List<String> names = cells(line);
    if (!names.contains("SKU") || !names.contains("PricePerUnit")) {
      return;
    }
    for (int i = 0; i < names.size(); i++) {
      columns.putIfAbsent(names.get(i), i);
    }
    List<String> needed = new ArrayList<>(WANTED.keySet());
    needed.addAll(List.of("Instance Type", "vCPU", "Memory", "GPU"));
    needed.removeAll(columns.keySet());
    if (!needed.isEmpty()) {
      throw new IllegalArgumentException("it lacks the columns " + needed);
    }
  }

  private Optional<CatalogEntry> price(List<String> cells) {
    for (Map.Entry<String, Set<String>> one : WANTED.entrySet()) {
      if (!one.getValue().contains(cell(cells, one.getKey()))) {
        return Optional.empty();
      }
    }
    // Blocks of capacity are sold for a time, not by the hour.
    boolean market =
        !columns.containsKey("MarketOption")
            || Set.of("", "OnDemand").contains(cell(cells, "MarketOption"));
    String type = cell(cells, "Instance Type");
    double price = number(cell(cells, "PricePerUnit"));
    if (!market || price <= 0 || type.indexOf('.') < 0) {
      return Optional.empty();
    }
    Optional<Resources> resources = resources(type, cells);
    return resources.isEmpty() || !seen.add(type)
        ? Optional.empty()
        : Optional.of(new CatalogEntry(type, region, List.of(), resources.get(), price, null));
  }

  private Optional<Resources> resources(String type, List<String> cells) {
    String family = type.substring(0, type.indexOf('.'));
    String counted = cell(cells, "GPU");
    // Parts of an accelerator can't be handed to a container as one.
    boolean parts = counted.contains(".");
    int count = parts ? 0 : (int) number(counted);
    Gpu gpu = GPUS.get(family);
    double cpus = number(cell(cells, "vCPU"));
    String memory = cell(cells, "Memory");
    if (parts
        || (count > 0 && gpu == null)
        || OTHER_ACCELERATORS.contains(family)
        || cpus <= 0
        || !memory.endsWith(" GiB")) {
      return Optional.empty();
    }
    double gib = number(memory.substring(0, memory.length() - 4).replace(",", ""));
    boolean arm = cell(cells, "Physical Processor").contains("Graviton");
    return gib <= 0
        ? Optional.empty()
        : Optional.of(
            new Resources(
                arm ? CpuArch.ARM : CpuArch.X86,
                cpus,
                Math.round(gib * 1024),
                0,
                gpu == null ? List.of() : Collections.nCopies(count, gpu),
                false));
  }

  private String cell(List<String> cells, String column) {
    Integer at = columns.get(column);
    return at == null || at >= cells.size() ? "" : cells.get(at);
  }

  /** What is no number is 0. */
  private static double number(String text) {
    try {
      return Double.parseDouble(text);
    } catch (NumberFormatException e) {
      return 0;
    }
  }

  private static Map.Entry<String, Gpu> gpu(String family, String name, int gigabytes) {
    return Map.entry(family, new Gpu(GpuVendor.NVIDIA, name, gigabytes * 1024));
  }

  /** Every cell that is not empty stands in quotes. */
  private static List<String> cells(String line) {
    List<String> cells = new ArrayList<>(100);
    StringBuilder cell = new StringBuilder();
    boolean quoted = false;
    for (int i = 0; i < line.length(); i++) {
      char c = line.charAt(i);
      if (c == '"') {
        quoted = !quoted;
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
