package dev.dstack.model.resources;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What is known of accelerators by their model's name, written in any case. A model that is not
 * listed is as good as another, but nothing is known of it.
 */
public final class GpuModels {
  /** Drivers and providers round a card's memory in their own ways; a next size is further away. */
  private static final double NEAR = 0.07;

  /** Model, memory in GB of each variant, and for NVIDIA the compute capability. */
  private static final String NVIDIA =
      """
      A10 24 8.6
      A16 16 8.6
      A40 48 8.6
      A100 40,80 8.0
      A10G 24 8.6
      A4000 16 8.6
      A4500 20 8.6
      A5000 24 8.6
      A6000 48 8.6
      H100 80 9.0
      H100NVL 94 9.0
      H200 141 9.0
      H200NVL 141 9.0
      B200 180 10.0
      GB200 186 10.0
      B300 270 10.0
      GB300 270 10.0
      L4 24 8.9
      L40 48 8.9
      L40S 48 8.9
      P100 16 6.0
      RTX2060 6,12 7.5
      RTX2060SUPER 8 7.5
      RTX2070 8 7.5
      RTX2070SUPER 8 7.5
      RTX2080 8 7.5
      RTX2080SUPER 8 7.5
      RTX2080Ti 11 7.5
      RTX3050 6,8 8.6
      RTX3060 8,12 8.6
      RTX3060Ti 8 8.6
      RTX3070 8 8.6
      RTX3070Ti 8 8.6
      RTX3080 10 8.6
      RTX3080Ti 12 8.6
      RTX3090 24 8.6
      RTX3090Ti 24 8.6
      RTX4060 8 8.9
      RTX4060Ti 8,16 8.9
      RTX4070 12 8.9
      RTX4070SUPER 12 8.9
      RTX4070Ti 12 8.9
      RTX4070TiSUPER 16 8.9
      RTX4080 16 8.9
      RTX4080SUPER 16 8.9
      RTX4090 24 8.9
      RTX5060 8 12.0
      RTX5060Ti 8,16 12.0
      RTX5070 12 12.0
      RTX5070Ti 16 12.0
      RTX5080 16 12.0
      RTX5090 32 12.0
      RTX6000 24 7.5
      RTX2000Ada 16 8.9
      RTX4000Ada 20 8.9
      RTX6000Ada 48 8.9
      RTXPRO4500 32 12.0
      RTXPRO6000 96 12.0
      T4 16 7.5
      V100 16,32 7.0
      GH200 96 9.0
      """;

  private static final String AMD =
      """
      MI100 32
      MI210 64
      MI250 128
      MI250X 128
      MI300A 128
      MI300X 192
      MI308X 128
      MI325X 288
      MI350X 288
      MI355X 288
      """;

  private static final String INTEL =
      """
      Gaudi 32
      Gaudi2 96
      Gaudi3 128
      """;

  private static final String TENSTORRENT =
      """
      n150 12
      n300 24
      tt-galaxy-wh 12
      p100a 28
      p150 32
      p300 32,64
      tt-galaxy-bh 32
      """;

  private static final Set<String> TPUS = Set.of("v2", "v3", "v4", "v5litepod", "v5p", "v6e");

  private record Model(
      GpuVendor vendor, List<Integer> memoryMib, Optional<ComputeCapability> capability) {}

  private static final Map<String, List<Model>> MODELS = models();

  private GpuModels() {}

  /** Who makes a model of this name: none is known, one, or several with the same name. */
  public static Set<GpuVendor> vendors(String name) {
    Set<GpuVendor> vendors = EnumSet.noneOf(GpuVendor.class);
    of(name).forEach(model -> vendors.add(model.vendor()));
    if (isTpu(name)) {
      vendors.add(GpuVendor.GOOGLE);
    }
    return vendors;
  }

  /** Only NVIDIA's have one. */
  public static Optional<ComputeCapability> capability(Gpu gpu) {
    return gpu.vendor() != GpuVendor.NVIDIA
        ? Optional.empty()
        : of(gpu.name()).stream().flatMap(model -> model.capability().stream()).findFirst();
  }

  /** The memory as it is advertised, where what was measured is close to it. */
  public static int nominalMib(Gpu gpu) {
    int nominal = gpu.memoryMib();
    double nearest = NEAR;
    for (Model model : of(gpu.name())) {
      for (int known : model.memoryMib()) {
        double distance = Math.abs(known - gpu.memoryMib()) / (double) known;
        if (distance < nearest) {
          nominal = known;
          nearest = distance;
        }
      }
    }
    return nominal;
  }

  /** MiB of a model's first variant, for who can't measure it; 0: nothing is known of it. */
  public static int memoryMib(GpuVendor vendor, String name) {
    return of(name).stream()
        .filter(model -> model.vendor() == vendor)
        .map(model -> model.memoryMib().getFirst())
        .findFirst()
        .orElse(0);
  }

  private static List<Model> of(String name) {
    List<Model> exact = MODELS.get(name);
    return exact != null ? exact : MODELS.getOrDefault(name.toLowerCase(Locale.ROOT), List.of());
  }

  private static boolean isTpu(String name) {
    int dash = name.indexOf('-');
    return dash > 0
        && TPUS.contains(name.substring(0, dash).toLowerCase(Locale.ROOT))
        && name.substring(dash + 1).matches("\\d+");
  }

  private static Map<String, List<Model>> models() {
    Map<String, List<Model>> models = new HashMap<>();
    read(models, GpuVendor.NVIDIA, NVIDIA);
    read(models, GpuVendor.AMD, AMD);
    read(models, GpuVendor.INTEL, INTEL);
    read(models, GpuVendor.TENSTORRENT, TENSTORRENT);
    return Map.copyOf(models);
  }

  private static void read(Map<String, List<Model>> models, GpuVendor vendor, String table) {
    for (String line : table.lines().toList()) {
      String[] cells = line.split(" ", -1);
      List<Integer> memory = new ArrayList<>();
      for (String gigabytes : cells[1].split(",", -1)) {
        memory.add(Integer.parseInt(gigabytes) * 1024);
      }
      Optional<ComputeCapability> capability =
          cells.length < 3 ? Optional.empty() : Optional.of(ComputeCapability.of(cells[2]));
      Model model = new Model(vendor, List.copyOf(memory), capability);
      // As providers write it and in small letters: the first is found without converting.
      for (String key : new LinkedHashSet<>(List.of(cells[0], cells[0].toLowerCase(Locale.ROOT)))) {
        models.computeIfAbsent(key, _ -> new ArrayList<>()).add(model);
      }
    }
  }
}
