package dev.dstack.agent.host;

import dev.dstack.model.resources.Gpu;
import dev.dstack.model.resources.GpuVendor;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The accelerators of this machine. */
final class GpuProbe {
  private static final Path DRIVER = Path.of("/proc/driver/nvidia/gpus");

  private static final Duration WITHIN = Duration.ofSeconds(20);

  private static volatile List<Gpu> found = List.of();

  private GpuProbe() {}

  /** Asked once where there are any: the tool takes a second or two. */
  static List<Gpu> detect() {
    List<Gpu> gpus = found;
    if (gpus.isEmpty()) {
      List<Gpu> byTool = parseNvidiaSmi(nvidiaSmi());
      gpus = byTool.isEmpty() ? byDriver(DRIVER) : byTool;
      found = List.copyOf(gpus);
    }
    return gpus;
  }

  private static String nvidiaSmi() {
    return Tool.output(
            WITHIN, List.of("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv"))
        .orElse("");
  }

  /** Lines such as {@code NVIDIA H100 80GB HBM3, 81559 MiB} below a heading. */
  static List<Gpu> parseNvidiaSmi(String csv) {
    List<Gpu> gpus = new ArrayList<>();
    for (String line : csv.lines().toList()) {
      int comma = line.lastIndexOf(',');
      if (comma < 0) {
        continue;
      }
      String amount = line.substring(comma + 1).strip();
      int space = amount.indexOf(' ');
      String number = space < 0 ? amount : amount.substring(0, space);
      if (number.isEmpty() || !number.chars().allMatch(c -> c >= '0' && c <= '9')) {
        continue;
      }
      boolean gib = amount.endsWith("GiB");
      int mib = Integer.parseInt(number) * (gib ? 1024 : 1);
      gpus.add(new Gpu(GpuVendor.NVIDIA, shortName(line.substring(0, comma)), mib));
    }
    return gpus;
  }

  /** Where the driver is loaded but its tool is missing; says nothing about memory. */
  static List<Gpu> byDriver(Path directory) {
    List<Gpu> gpus = new ArrayList<>();
    if (!Files.isDirectory(directory)) {
      return gpus;
    }
    try (DirectoryStream<Path> cards = Files.newDirectoryStream(directory)) {
      for (Path card : cards) {
        for (String line : Files.readAllLines(card.resolve("information"))) {
          if (line.startsWith("Model:")) {
            gpus.add(new Gpu(GpuVendor.NVIDIA, shortName(line.substring(6)), 0));
          }
        }
      }
    } catch (IOException e) {
      return gpus;
    }
    return gpus;
  }

  /**
   * As dstack names them: {@code NVIDIA A100-SXM4-80GB} is A100, {@code GeForce RTX 4090} RTX4090.
   */
  static String shortName(String model) {
    String name = model.strip();
    for (String prefix : List.of("NVIDIA ", "Tesla ", "GeForce ", "Quadro ")) {
      if (name.startsWith(prefix)) {
        name = name.substring(prefix.length()).strip();
      }
    }
    String upper = name.toUpperCase(Locale.ROOT);
    if (upper.startsWith("RTX ") || upper.startsWith("GTX ")) {
      String[] words = name.split("\\s+");
      StringBuilder joined = new StringBuilder(words[0]).append(words[1]);
      for (int i = 2; i < words.length; i++) {
        // RTX 6000 Ada, RTX 3080 Ti: another card than without the word.
        boolean part =
            words[i].equalsIgnoreCase("Ti")
                || words[i].equalsIgnoreCase("Ada")
                || words[i].equalsIgnoreCase("SUPER");
        if (part) {
          joined.append(words[i]);
        }
      }
      return joined.toString();
    }
    int end = 0;
    while (end < name.length() && name.charAt(end) != ' ' && name.charAt(end) != '-') {
      end++;
    }
    return name.substring(0, end);
  }
}
