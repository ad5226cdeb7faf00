package dev.dstack.agent.host;

import dev.dstack.model.resources.Gpu;
import dev.dstack.model.resources.GpuModels;
import dev.dstack.model.resources.GpuVendor;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;

/**
 * AMD's cards: what they are says {@code amd-smi}, else {@code rocm-smi}, else the kernel; where
 * their nodes are only the kernel does, by the PCI address.
 */
final class AmdGpus {
  private static final Duration WITHIN = Duration.ofSeconds(60);
  private static final String VENDOR = "0x1002";
  private static final long MIB = 1024 * 1024;
  private static final Pattern RENDER = Pattern.compile("renderD\\d+");
  private static final Pattern CARD = Pattern.compile("card\\d+");
  private static final Pattern INSTINCT =
      Pattern.compile("\\bMI\\d{1,3}[A-Z]?(?:-\\w+)?(?=[\\s\\])]|$)", Pattern.CASE_INSENSITIVE);

  /** PCI ids, for where nothing else tells; those of virtual functions are the second of a line. */
  private static final Map<String, String> MODELS =
      Map.ofEntries(
          Map.entry("0x738c", "MI100"),
          Map.entry("0x738e", "MI100"),
          Map.entry("0x7408", "MI250X"),
          Map.entry("0x740c", "MI250X"),
          Map.entry("0x740f", "MI210"),
          Map.entry("0x7410", "MI210"),
          Map.entry("0x74a0", "MI300A"),
          Map.entry("0x74a1", "MI300X"),
          Map.entry("0x74b5", "MI300X"),
          Map.entry("0x74a2", "MI308X"),
          Map.entry("0x74b6", "MI308X"),
          Map.entry("0x74a5", "MI325X"),
          Map.entry("0x74b9", "MI325X"),
          Map.entry("0x75a0", "MI350X"),
          Map.entry("0x75b0", "MI350X"),
          Map.entry("0x75a3", "MI355X"),
          Map.entry("0x75b3", "MI355X"));

  private final DeviceTree tree;
  private final Tool tool;

  /**
   * @param address on the PCI bus; empty: not told
   */
  private record Card(int number, String address, String name, int mib) {}

  AmdGpus(DeviceTree tree, Tool tool) {
    this.tree = tree;
    this.tool = tool;
  }

  List<Accelerator> find() {
    if (!tree.has("kfd")) {
      return List.of();
    }
    Map<String, String> renderNodes = renderNodes();
    List<Card> cards = byAmdSmi();
    if (cards.isEmpty()) {
      cards = byRocmSmi();
    }
    if (cards.isEmpty()) {
      cards = byKernel(renderNodes);
    }
    List<String> inOrder = List.copyOf(renderNodes.values());
    List<Accelerator> gpus = new ArrayList<>();
    for (Card card : cards.stream().sorted(Comparator.comparingInt(Card::number)).toList()) {
      String render = renderNodes.get(card.address());
      if (render == null && card.address().isEmpty() && gpus.size() < inOrder.size()) {
        render = inOrder.get(gpus.size());
      }
      // What has no node can be given to nobody.
      if (render != null && tree.has("dri/" + render)) {
        gpus.add(
            new Accelerator(
                new Gpu(GpuVendor.AMD, card.name(), card.mib()), card.number(), nodes(render)));
      }
    }
    return gpus;
  }

  /** PCI address → its render node, of all of this vendor. */
  private Map<String, String> renderNodes() {
    Path drm = tree.sys().resolve("class/drm");
    Map<String, String> nodes = new LinkedHashMap<>();
    for (String name : DeviceTree.names(drm, RENDER)) {
      Path device = drm.resolve(name).resolve("device");
      if (DeviceTree.text(device.resolve("vendor")).equals(VENDOR)) {
        nodes.put(DeviceTree.target(device), name);
      }
    }
    return nodes;
  }

  private List<String> nodes(String render) {
    List<String> nodes = new ArrayList<>(List.of("dri/" + render));
    Path own = tree.sys().resolve("class/drm/" + render + "/device/drm");
    DeviceTree.names(own, CARD).forEach(card -> nodes.addAll(tree.present("dri/" + card)));
    return nodes;
  }

  /** A list, which since release 7 is in an object. */
  private List<Card> byAmdSmi() {
    JsonNode said =
        tool.output(WITHIN, "amd-smi", "static", "--json", "--asic", "--vram", "--bus")
            .map(Tool::json)
            .orElseGet(() -> Tool.json(""));
    List<Card> cards = new ArrayList<>();
    for (JsonNode one : said.isArray() ? said : said.path("gpu_data")) {
      String address = address(one.path("bus").path("bdf").asString(""));
      String market = one.path("asic").path("market_name").asString("");
      cards.add(
          new Card(
              one.path("gpu").asInt(cards.size()),
              address,
              name(market, address),
              mib(one.path("vram"))));
    }
    return cards;
  }

  /** An object for each card under its name, beside others. */
  private List<Card> byRocmSmi() {
    Optional<String> output =
        tool.output(
            WITHIN,
            "rocm-smi",
            "--showproductname",
            "--showmeminfo",
            "vram",
            "--showbus",
            "--json");
    List<Card> cards = new ArrayList<>();
    for (Map.Entry<String, JsonNode> entry : Tool.json(output.orElse("")).properties()) {
      JsonNode one = entry.getValue();
      if (!CARD.matcher(entry.getKey()).matches()) {
        continue;
      }
      String address = address(one.path("PCI Bus").asString(""));
      String series = one.path("Card Series").asString(one.path("Card series").asString(""));
      String bytes = one.path("VRAM Total Memory (B)").asString("");
      cards.add(
          new Card(
              DeviceTree.number(entry.getKey()),
              address,
              name(series, address),
              bytes.matches("\\d{1,18}") ? (int) (Long.parseLong(bytes) / MIB) : 0));
    }
    return cards;
  }

  private List<Card> byKernel(Map<String, String> renderNodes) {
    List<Card> cards = new ArrayList<>();
    for (String address : renderNodes.keySet().stream().sorted().toList()) {
      Path device = tree.sys().resolve("class/drm/" + renderNodes.get(address) + "/device");
      String bytes = DeviceTree.text(device.resolve("mem_info_vram_total"));
      cards.add(
          new Card(
              cards.size(),
              address,
              name(DeviceTree.text(device.resolve("product_name")), address),
              bytes.matches("\\d{1,18}") ? (int) (Long.parseLong(bytes) / MIB) : 0));
    }
    return cards;
  }

  private static String address(String text) {
    String lower = text.strip().toLowerCase(Locale.ROOT);
    return lower.contains(":") ? lower : "";
  }

  /**
   * {@code AMD Instinct MI300X OAM} is MI300X; a card for graphics keeps the name it is sold by.
   */
  private String name(String market, String address) {
    String instinct = instinct(market);
    if (GpuModels.vendors(instinct).contains(GpuVendor.AMD)) {
      return instinct;
    }
    String id = address.isEmpty() ? "" : DeviceTree.text(tree.pci(address).resolve("device"));
    String known = MODELS.get(id);
    if (known != null) {
      return known;
    }
    if (!instinct.isEmpty()) {
      return instinct;
    }
    boolean told = !market.isBlank() && !market.equalsIgnoreCase("N/A");
    return told ? market.strip() : "AMD" + (id.isEmpty() ? "" : "-" + id);
  }

  private static String instinct(String market) {
    Matcher found = INSTINCT.matcher(market);
    if (!found.find()) {
      return "";
    }
    String name = found.group().toUpperCase(Locale.ROOT);
    return name.equals("MI300X-O") ? "MI300X" : name;
  }

  /** Releases name the amount differently and may leave out the unit, which is MB then. */
  private static int mib(JsonNode vram) {
    for (String key : List.of("size", "vram_size", "vram_size_mb")) {
      JsonNode size = vram.path(key);
      JsonNode value = size.isObject() ? size.path("value") : size;
      double amount = value.asDouble(0);
      if (amount > 0) {
        String unit = size.isObject() ? size.path("unit").asString("MB") : "MB";
        return (int)
            switch (unit.toUpperCase(Locale.ROOT)) {
              case "B" -> amount / MIB;
              case "KB" -> amount / 1024;
              case "GB" -> amount * 1024;
              default -> amount;
            };
      }
    }
    return 0;
  }
}
