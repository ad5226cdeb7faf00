package dev.dstack.agent.host;

import dev.dstack.model.agent.TaskMetrics.GpuUse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * How busy the accelerators of this machine are, as the vendors' own tools say. Tenstorrent's and
 * Google's tell nothing.
 */
public final class GpuUsage {
  private static final Duration WITHIN = Duration.ofSeconds(10);
  private static final long FRESH_NANOS = TimeUnit.SECONDS.toNanos(2);
  private static final long MIB = 1024 * 1024;
  private static final String FORMAT = "--format=csv,noheader,nounits";

  private static final GpuUsage HOST = new GpuUsage(GpuProbe.host());

  private final GpuProbe probe;
  private List<GpuUse> last = List.of();
  private long lookedAt;
  private boolean looked;

  /** Of the accelerator that has the number. */
  record Use(long memoryBytes, long memoryTotalBytes, int utilPercent) {}

  GpuUsage(GpuProbe probe) {
    this.probe = probe;
  }

  /**
   * Those with one of the places; many tasks that ask at once share one look. Empty when one of
   * them does not tell: nobody may take it for idle, or another for it.
   *
   * @param places in the order of the host's offer; empty: all
   */
  public static List<GpuUse> of(List<Integer> places) {
    return HOST.in(places);
  }

  synchronized List<GpuUse> in(List<Integer> places) {
    if (!looked || System.nanoTime() - lookedAt > FRESH_NANOS) {
      last = look();
      looked = true;
      lookedAt = System.nanoTime();
    }
    List<GpuUse> asked =
        last.stream().filter(gpu -> places.isEmpty() || places.contains(gpu.index())).toList();
    int wanted = places.isEmpty() ? probe.accelerators().size() : places.size();
    return asked.size() == wanted ? asked : List.of();
  }

  private List<GpuUse> look() {
    List<Accelerator> gpus = probe.accelerators();
    if (gpus.isEmpty()) {
      return List.of();
    }
    Map<Integer, Use> byNumber =
        switch (gpus.getFirst().gpu().vendor()) {
          case NVIDIA ->
              parseTable(
                  output(
                      "nvidia-smi",
                      "--query-gpu=index,memory.used,memory.total,utilization.gpu",
                      FORMAT));
          case AMD -> amd(gpus);
          case INTEL ->
              parseTable(
                  output(
                      "hl-smi",
                      "--query-aip=index,memory.used,memory.total,utilization.aip",
                      FORMAT));
          case TENSTORRENT, GOOGLE -> Map.of();
        };
    List<GpuUse> uses = new ArrayList<>();
    for (int place = 0; place < gpus.size(); place++) {
      Use use = byNumber.get(gpus.get(place).number());
      if (use != null) {
        uses.add(new GpuUse(place, use.memoryBytes(), use.memoryTotalBytes(), use.utilPercent()));
      }
    }
    return uses;
  }

  private String output(String tool, String... arguments) {
    return probe.tool().output(WITHIN, tool, arguments).orElse("");
  }

  /** Lines such as {@code 0, 1234, 81559, 37}; a card that does not tell says {@code [N/A]}. */
  static Map<Integer, Use> parseTable(String csv) {
    Map<Integer, Use> gpus = new HashMap<>();
    for (String line : csv.lines().toList()) {
      String[] fields = line.split(",");
      if (fields.length == 4) {
        add(gpus, fields[0], fields[1], fields[2], fields[3]);
      }
    }
    return gpus;
  }

  private static void add(
      Map<Integer, Use> gpus, String number, String used, String total, String util) {
    Optional<Long> index = number(number);
    Optional<Long> usedMib = number(used);
    Optional<Long> percent = number(util);
    if (index.isPresent() && usedMib.isPresent() && percent.isPresent()) {
      gpus.put(
          index.get().intValue(),
          new Use(
              usedMib.get() * MIB,
              number(total).orElse(0L) * MIB,
              (int) Math.min(100, percent.get())));
    }
  }

  private Map<Integer, Use> amd(List<Accelerator> gpus) {
    Map<Integer, Use> byTool = parseAmd(output("amd-smi", "monitor", "-v", "-u", "--csv"));
    return byTool.isEmpty() ? byKernel(gpus) : byTool;
  }

  /** Columns by their names, which differ from release to release only in what surrounds them. */
  static Map<Integer, Use> parseAmd(String csv) {
    Map<Integer, Use> gpus = new HashMap<>();
    Map<String, Integer> columns = new HashMap<>();
    for (String line : csv.lines().toList()) {
      String[] fields = line.split(",");
      if (columns.isEmpty()) {
        if (fields[0].strip().equals("gpu")) {
          for (int i = 0; i < fields.length; i++) {
            columns.put(fields[i].strip(), i);
          }
        }
      } else if (fields.length >= columns.size()) {
        add(
            gpus,
            field(fields, columns.get("gpu")),
            field(fields, columns.get("vram_used")),
            field(fields, columns.get("vram_total")),
            field(fields, columns.get("gfx")));
      }
    }
    return gpus;
  }

  /** AMD's driver tells by itself, on most cards. */
  private Map<Integer, Use> byKernel(List<Accelerator> gpus) {
    Map<Integer, Use> uses = new HashMap<>();
    for (Accelerator gpu : gpus) {
      String node = gpu.devices().getFirst();
      Path device =
          probe
              .tree()
              .sys()
              .resolve("class/drm")
              .resolve(node.substring(node.lastIndexOf('/') + 1))
              .resolve("device");
      Optional<Long> used = number(DeviceTree.text(device.resolve("mem_info_vram_used")));
      Optional<Long> total = number(DeviceTree.text(device.resolve("mem_info_vram_total")));
      Optional<Long> busy = number(DeviceTree.text(device.resolve("gpu_busy_percent")));
      if (used.isPresent() && busy.isPresent()) {
        uses.put(
            gpu.number(), new Use(used.get(), total.orElse(0L), (int) Math.min(100, busy.get())));
      }
    }
    return uses;
  }

  private static String field(String[] fields, @Nullable Integer column) {
    return column == null || column >= fields.length ? "" : fields[column];
  }

  /** The whole number that a text begins with. */
  private static Optional<Long> number(String text) {
    String digits = text.strip();
    int end = 0;
    while (end < digits.length() && Character.isDigit(digits.charAt(end))) {
      end++;
    }
    return end == 0 || end > 15
        ? Optional.empty()
        : Optional.of(Long.valueOf(digits.substring(0, end)));
  }
}
