package dev.dstack.agent.host;

import dev.dstack.model.agent.TaskMetrics.GpuUse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/** How busy the accelerators of this machine are, as the vendors' own tools say. */
public final class GpuUsage {
  private static final Duration WITHIN = Duration.ofSeconds(10);
  private static final long FRESH_NANOS = TimeUnit.SECONDS.toNanos(2);
  private static final long MIB = 1024 * 1024;

  private static final ReentrantLock LOOKING = new ReentrantLock();
  private static List<GpuUse> last = List.of();
  private static long lookedAt;
  private static boolean looked;

  private GpuUsage() {}

  /**
   * Those with one of the indexes; many tasks that ask at once share one look.
   *
   * @param indexes empty: all
   */
  public static List<GpuUse> of(List<Integer> indexes) {
    LOOKING.lock();
    try {
      if (!looked || System.nanoTime() - lookedAt > FRESH_NANOS) {
        last = look();
        looked = true;
        lookedAt = System.nanoTime();
      }
      return last.stream()
          .filter(gpu -> indexes.isEmpty() || indexes.contains(gpu.index()))
          .toList();
    } finally {
      LOOKING.unlock();
    }
  }

  private static List<GpuUse> look() {
    if (Files.exists(Path.of("/dev/nvidiactl"))) {
      return Tool.output(
              WITHIN,
              List.of(
                  "nvidia-smi",
                  "--query-gpu=index,memory.used,memory.total,utilization.gpu",
                  "--format=csv,noheader,nounits"))
          .map(GpuUsage::parseNvidia)
          .orElse(List.of());
    }
    if (Files.exists(Path.of("/dev/kfd"))) {
      return Tool.output(WITHIN, List.of("amd-smi", "monitor", "--gfx", "--vram-usage", "--csv"))
          .map(GpuUsage::parseAmd)
          .orElse(List.of());
    }
    if (Files.exists(Path.of("/dev/accel/accel_controlD0"))) {
      return Tool.output(
              WITHIN,
              List.of(
                  "hl-smi",
                  "-Q",
                  "index,memory.used,memory.total,utilization.aip",
                  "-f",
                  "csv,noheader,nounits"))
          .map(GpuUsage::parseNvidia)
          .orElse(List.of());
    }
    return List.of();
  }

  /** Lines such as {@code 0, 1234, 81559, 37}; a card that does not tell says {@code [N/A]}. */
  static List<GpuUse> parseNvidia(String csv) {
    List<GpuUse> gpus = new ArrayList<>();
    for (String line : csv.lines().toList()) {
      String[] fields = line.split(",");
      if (fields.length == 4 && fields[0].strip().matches("[0-9]{1,4}")) {
        gpus.add(
            new GpuUse(
                Integer.parseInt(fields[0].strip()),
                number(fields[1]) * MIB,
                number(fields[2]) * MIB,
                (int) Math.min(100, number(fields[3]))));
      }
    }
    return gpus;
  }

  /** Columns by their names, which differ from release to release only in what surrounds them. */
  static List<GpuUse> parseAmd(String csv) {
    List<GpuUse> gpus = new ArrayList<>();
    Map<String, Integer> columns = new HashMap<>();
    for (String line : csv.lines().toList()) {
      String[] fields = line.split(",");
      if (columns.isEmpty()) {
        for (int i = 0; i < fields.length; i++) {
          columns.put(fields[i].strip(), i);
        }
      } else if (fields.length >= columns.size()) {
        gpus.add(
            new GpuUse(
                (int) number(field(fields, columns.get("gpu"))),
                number(field(fields, columns.get("vram_used"))) * MIB,
                number(field(fields, columns.get("vram_total"))) * MIB,
                (int) Math.min(100, number(field(fields, columns.get("gfx"))))));
      }
    }
    return gpus;
  }

  private static String field(String[] fields, @org.jspecify.annotations.Nullable Integer column) {
    return column == null || column >= fields.length ? "" : fields[column];
  }

  private static long number(String text) {
    String digits = text.strip();
    int end = 0;
    while (end < digits.length() && Character.isDigit(digits.charAt(end))) {
      end++;
    }
    return end == 0 || end > 12 ? 0 : Long.parseLong(digits.substring(0, end));
  }
}
