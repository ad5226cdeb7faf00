package dev.dstack.agent.host;

import dev.dstack.model.resources.Gpu;
import dev.dstack.model.resources.GpuVendor;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/** NVIDIA's cards, as {@code nvidia-smi} or the driver names them. */
final class NvidiaGpus {
  private static final Duration WITHIN = Duration.ofSeconds(20);
  private static final Pattern ANY = Pattern.compile(".+");

  private final DeviceTree tree;
  private final Tool tool;

  NvidiaGpus(DeviceTree tree, Tool tool) {
    this.tree = tree;
    this.tool = tool;
  }

  List<Accelerator> find() {
    List<Accelerator> byTool =
        parse(
            tool.output(
                    WITHIN,
                    "nvidia-smi",
                    "--query-gpu=pci.bus_id,memory.total,name",
                    "--format=csv")
                .orElse(""));
    return byTool.isEmpty() ? byDriver() : byTool;
  }

  /** Lines such as {@code 00000000:1B:00.0, 81559 MiB, NVIDIA H100 80GB HBM3} below a heading. */
  List<Accelerator> parse(String csv) {
    List<Accelerator> gpus = new ArrayList<>();
    for (String line : csv.lines().toList()) {
      String[] fields = line.split(",", 3);
      if (fields.length < 3) {
        continue;
      }
      String amount = fields[1].strip();
      int space = amount.indexOf(' ');
      String number = space < 0 ? amount : amount.substring(0, space);
      if (number.isEmpty()
          || number.length() > 9
          || !number.chars().allMatch(c -> c >= '0' && c <= '9')) {
        continue;
      }
      int mib = Integer.parseInt(number) * (amount.endsWith("GiB") ? 1024 : 1);
      int place = gpus.size();
      gpus.add(
          new Accelerator(
              new Gpu(GpuVendor.NVIDIA, shortName(fields[2]), mib),
              place,
              List.of("nvidia" + minor(address(fields[0]), place))));
    }
    return gpus;
  }

  /**
   * The tool writes a domain of eight digits and capitals, the kernel of four and small letters.
   */
  private static String address(String bus) {
    String lower = bus.strip().toLowerCase(Locale.ROOT);
    int colon = lower.indexOf(':');
    return colon == 8 ? lower.substring(4) : lower;
  }

  /** The driver numbers its device nodes in an order of its own, mostly but not always this one. */
  private int minor(String address, int place) {
    for (String line : information(address).lines().toList()) {
      if (line.startsWith("Device Minor:")) {
        return DeviceTree.number(line.strip());
      }
    }
    return place;
  }

  private String information(String address) {
    return DeviceTree.text(tree.proc().resolve("driver/nvidia/gpus/" + address + "/information"));
  }

  /** Where the driver is loaded but its tool is missing; says nothing about memory. */
  private List<Accelerator> byDriver() {
    List<Accelerator> gpus = new ArrayList<>();
    List<String> addresses = DeviceTree.names(tree.proc().resolve("driver/nvidia/gpus"), ANY);
    for (String address : addresses.stream().sorted().toList()) {
      for (String line : information(address).lines().toList()) {
        if (line.startsWith("Model:")) {
          Gpu gpu = new Gpu(GpuVendor.NVIDIA, shortName(line.substring(6)), 0);
          int place = gpus.size();
          gpus.add(new Accelerator(gpu, place, List.of("nvidia" + minor(address, place))));
        }
      }
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
