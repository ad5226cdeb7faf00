package dev.dstack.agent.host;

import dev.dstack.model.resources.Gpu;
import dev.dstack.model.resources.GpuVendor;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;

/**
 * Tenstorrent's boards, as {@code tt-smi} or else the kernel names them. What counts as one is what
 * has a device node: a chip without one is reached through another of its board, and adds its
 * memory to that.
 */
final class TenstorrentGpus {
  private static final Duration WITHIN = Duration.ofSeconds(60);
  private static final Pattern NODE = Pattern.compile("\\d+");
  private static final int GIB = 1024;

  private final DeviceTree tree;
  private final Tool tool;

  /**
   * @param address on the PCI bus; empty: it has none
   * @param part L or R of a board with two chips; empty: not told
   */
  private record Chip(String board, String name, String part, String address) {
    boolean remote() {
      return part.equals("R") || (part.isEmpty() && address.isEmpty());
    }
  }

  private record Board(String id, String name, String address, int mib) {}

  TenstorrentGpus(DeviceTree tree, Tool tool) {
    this.tree = tree;
    this.tool = tool;
  }

  List<Accelerator> find() {
    List<String> nodes = DeviceTree.names(tree.dev().resolve("tenstorrent"), NODE);
    if (nodes.isEmpty()) {
      return List.of();
    }
    Optional<String> snapshot = tool.output(WITHIN, "tt-smi", "-s");
    List<Board> boards = boards(chips(Tool.json(snapshot.orElse(""))));
    return boards.isEmpty() ? byKernel(nodes) : numbered(boards, nodes);
  }

  private static List<Chip> chips(JsonNode snapshot) {
    List<Chip> chips = new ArrayList<>();
    for (JsonNode device : snapshot.path("device_info")) {
      JsonNode board = device.path("board_info");
      String type = board.path("board_type").asString("").strip();
      String part = type.endsWith(" L") || type.endsWith(" R") ? last(type) : "";
      String bus = board.path("bus_id").asString("").toLowerCase(Locale.ROOT);
      String name = part.isEmpty() ? type : type.substring(0, type.length() - 2);
      if (!type.isEmpty()) {
        chips.add(
            new Chip(
                board.path("board_id").asString(""),
                model(name.strip()),
                part,
                bus.contains(":") ? bus : ""));
      }
    }
    return chips;
  }

  private static String last(String text) {
    return text.substring(text.length() - 1);
  }

  private static List<Board> boards(List<Chip> chips) {
    List<Board> boards = new ArrayList<>();
    for (Chip chip : chips) {
      if (!chip.remote()) {
        boards.add(new Board(chip.board(), chip.name(), chip.address(), chipMib(chip.name())));
      }
    }
    for (Chip chip : chips) {
      for (int i = 0; chip.remote() && i < boards.size(); i++) {
        Board board = boards.get(i);
        if (board.id().equals(chip.board()) && board.name().equals(chip.name())) {
          int mib = board.mib() + chipMib(chip.name());
          boards.set(i, new Board(board.id(), board.name(), board.address(), mib));
          break;
        }
      }
    }
    return boards;
  }

  /** The driver's numbers by the PCI address; where it does not tell, the tool's order. */
  private List<Accelerator> numbered(List<Board> boards, List<String> nodes) {
    Map<String, Integer> numbers = new HashMap<>();
    for (String node : nodes) {
      String address = DeviceTree.target(attributes(node).resolve("device"));
      if (!address.isEmpty()) {
        numbers.put(address, Integer.valueOf(node));
      }
    }
    List<Accelerator> gpus = new ArrayList<>();
    for (int i = 0; i < boards.size(); i++) {
      Board board = boards.get(i);
      int number = numbers.getOrDefault(board.address(), i);
      if (tree.has("tenstorrent/" + number)) {
        gpus.add(
            new Accelerator(
                new Gpu(GpuVendor.TENSTORRENT, board.name(), board.mib()),
                number,
                List.of("tenstorrent/" + number)));
      }
    }
    gpus.sort(Comparator.comparingInt(Accelerator::number));
    return gpus;
  }

  private Path attributes(String node) {
    return tree.sys().resolve("class/tenstorrent").resolve("tenstorrent!" + node);
  }

  private List<Accelerator> byKernel(List<String> nodes) {
    List<Accelerator> gpus = new ArrayList<>();
    for (String node : nodes) {
      String type = DeviceTree.text(attributes(node).resolve("tt_card_type"));
      String name = model(type.isEmpty() ? "Tenstorrent" : type);
      int mib = chipMib(name) * (name.startsWith("n300") ? 2 : 1);
      gpus.add(
          new Accelerator(
              new Gpu(GpuVendor.TENSTORRENT, name, mib),
              Integer.parseInt(node),
              List.of("tenstorrent/" + node)));
    }
    return gpus;
  }

  /** Revisions of a board, such as p150a and p150b, and how it is cooled do not matter. */
  private static String model(String type) {
    String name = type.toLowerCase(Locale.ROOT);
    if (name.equals("bh-scrappy") || name.startsWith("p100")) {
      return "p100a";
    }
    for (String model : List.of("p150", "p300", "n150", "n300")) {
      if (name.matches(model + "[a-z]?")) {
        return model;
      }
    }
    return name;
  }

  private static int chipMib(String name) {
    if (name.startsWith("n150") || name.startsWith("n300") || name.startsWith("tt-galaxy-wh")) {
      return 12 * GIB;
    }
    return switch (name) {
      case "p100a" -> 28 * GIB;
      case "p150", "p300", "tt-galaxy-bh" -> 32 * GIB;
      default -> 0;
    };
  }
}
