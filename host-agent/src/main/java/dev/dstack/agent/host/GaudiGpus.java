package dev.dstack.agent.host;

import dev.dstack.model.resources.Gpu;
import dev.dstack.model.resources.GpuModels;
import dev.dstack.model.resources.GpuVendor;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/** Intel's Gaudi, as {@code hl-smi} or else the kernel names them. */
final class GaudiGpus {
  private static final Duration WITHIN = Duration.ofSeconds(60);

  /** Of Habana Labs: other makers' accelerators are in the same directory of /dev. */
  private static final String VENDOR = "0x1da3";

  private static final Pattern ACCEL = Pattern.compile("accel\\d+");
  private static final String FORMAT = "--format=csv,noheader,nounits";

  /** Beginnings of board names → model. */
  private static final Map<String, String> BOARDS =
      Map.of("HL-205", "Gaudi", "HL-225", "Gaudi2", "HL-325", "Gaudi3", "HL-338", "Gaudi3");

  /** PCI ids → model. */
  private static final Map<String, String> IDS =
      Map.of(
          "0x1000", "Gaudi",
          "0x1010", "Gaudi",
          "0x1020", "Gaudi2",
          "0x1060", "Gaudi3",
          "0x1061", "Gaudi3",
          "0x1062", "Gaudi3");

  private final DeviceTree tree;
  private final Tool tool;

  /**
   * @param module place on the board, by which processes of the host choose
   */
  private record Card(int number, int module, String address, String name, int mib) {}

  GaudiGpus(DeviceTree tree, Tool tool) {
    this.tree = tree;
    this.tool = tool;
  }

  List<Accelerator> find() {
    List<Card> byKernel = byKernel();
    if (byKernel.isEmpty()) {
      return List.of();
    }
    List<Card> cards = byTool();
    if (cards.isEmpty()) {
      cards = byKernel;
    }
    List<Accelerator> gpus = new ArrayList<>();
    for (Card card : cards.stream().sorted(Comparator.comparingInt(Card::module)).toList()) {
      int node = node(card, byKernel);
      List<String> devices = tree.present("accel/accel" + node, "accel/accel_controlD" + node);
      if (!devices.isEmpty()) {
        gpus.add(
            new Accelerator(
                new Gpu(GpuVendor.INTEL, card.name(), card.mib()), card.number(), devices));
      }
    }
    return gpus;
  }

  /** The device nodes' number, which follows from the PCI address where the tool tells it. */
  private static int node(Card card, List<Card> byKernel) {
    return byKernel.stream()
        .filter(known -> !card.address().isEmpty() && known.address().equals(card.address()))
        .map(Card::number)
        .findFirst()
        .orElse(card.number());
  }

  private List<Card> byKernel() {
    Path accel = tree.sys().resolve("class/accel");
    List<Card> cards = new ArrayList<>();
    for (String name : DeviceTree.names(accel, ACCEL)) {
      Path device = accel.resolve(name).resolve("device");
      if (DeviceTree.text(device.resolve("vendor")).equals(VENDOR)) {
        String model = IDS.getOrDefault(DeviceTree.text(device.resolve("device")), "Gaudi");
        int number = DeviceTree.number(name);
        cards.add(
            new Card(
                number,
                number,
                DeviceTree.target(device),
                model,
                GpuModels.memoryMib(GpuVendor.INTEL, model)));
      }
    }
    return cards;
  }

  /** Older releases know nothing of modules and addresses. */
  private List<Card> byTool() {
    Optional<String> full =
        tool.output(
            WITHIN, "hl-smi", "--query-aip=index,module_id,bus_id,memory.total,name", FORMAT);
    if (full.isPresent()) {
      return parse(full.get(), 5);
    }
    return parse(
        tool.output(WITHIN, "hl-smi", "--query-aip=index,memory.total,name", FORMAT).orElse(""), 3);
  }

  /** Lines such as {@code 0, 3, 0000:19:00.0, 98304, HL-225}. */
  private static List<Card> parse(String csv, int columns) {
    List<Card> cards = new ArrayList<>();
    for (String line : csv.lines().toList()) {
      String[] fields = line.strip().split("\\s*,\\s*", columns);
      if (fields.length < columns || !fields[0].matches("\\d{1,4}")) {
        continue;
      }
      int index = Integer.parseInt(fields[0]);
      boolean full = columns == 5;
      int module = full && fields[1].matches("\\d{1,4}") ? Integer.parseInt(fields[1]) : index;
      String address = full ? fields[2].toLowerCase(Locale.ROOT) : "";
      String memory = fields[columns - 2];
      cards.add(
          new Card(
              index,
              module,
              address,
              model(fields[columns - 1]),
              memory.matches("\\d{1,9}") ? Integer.parseInt(memory) : 0));
    }
    return cards;
  }

  private static String model(String board) {
    return BOARDS.entrySet().stream()
        .filter(known -> board.startsWith(known.getKey()))
        .map(Map.Entry::getValue)
        .findFirst()
        .orElse(board);
  }
}
