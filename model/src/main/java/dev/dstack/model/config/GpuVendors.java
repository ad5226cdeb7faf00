package dev.dstack.model.config;

import dev.dstack.model.resources.GpuVendor;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** Which vendor makes an accelerator of a name; models that are not listed have no known vendor. */
final class GpuVendors {
  private static final Map<GpuVendor, Set<String>> MODELS =
      Map.of(
          GpuVendor.NVIDIA,
          Set.of(
              "a10",
              "a100",
              "a10g",
              "a16",
              "a40",
              "a4000",
              "a4500",
              "a5000",
              "a6000",
              "b200",
              "b300",
              "gb200",
              "gb300",
              "gh200",
              "h100",
              "h100nvl",
              "h200",
              "h200nvl",
              "l4",
              "l40",
              "l40s",
              "p100",
              "rtx2000ada",
              "rtx2060",
              "rtx2060super",
              "rtx2070",
              "rtx2070super",
              "rtx2080",
              "rtx2080super",
              "rtx2080ti",
              "rtx3050",
              "rtx3060",
              "rtx3060ti",
              "rtx3070",
              "rtx3070ti",
              "rtx3080",
              "rtx3080ti",
              "rtx3090",
              "rtx3090ti",
              "rtx4000ada",
              "rtx4060",
              "rtx4060ti",
              "rtx4070",
              "rtx4070super",
              "rtx4070ti",
              "rtx4070tisuper",
              "rtx4080",
              "rtx4080super",
              "rtx4090",
              "rtx5060",
              "rtx5060ti",
              "rtx5070",
              "rtx5070ti",
              "rtx5080",
              "rtx5090",
              "rtx6000",
              "rtx6000ada",
              "rtxpro4500",
              "rtxpro6000",
              "t4",
              "v100"),
          GpuVendor.AMD,
          Set.of(
              "mi100", "mi210", "mi250", "mi250x", "mi300a", "mi300x", "mi308x", "mi325x", "mi350x",
              "mi355x"),
          GpuVendor.INTEL,
          Set.of("gaudi", "gaudi2", "gaudi3"),
          GpuVendor.TENSTORRENT,
          Set.of("n150", "n300", "p100a", "p150", "p300", "tt-galaxy-bh", "tt-galaxy-wh"));

  private static final Set<String> TPUS = Set.of("v2", "v3", "v4", "v5litepod", "v5p", "v6e");

  private GpuVendors() {}

  static Set<GpuVendor> of(String model) {
    String name = model.toLowerCase(Locale.ROOT);
    Set<GpuVendor> vendors = EnumSet.noneOf(GpuVendor.class);
    MODELS.forEach(
        (vendor, models) -> {
          if (models.contains(name)) {
            vendors.add(vendor);
          }
        });
    int dash = name.indexOf('-');
    if (dash > 0
        && TPUS.contains(name.substring(0, dash))
        && name.substring(dash + 1).matches("\\d+")) {
      vendors.add(GpuVendor.GOOGLE);
    }
    return vendors;
  }

  /** The one vendor of all these models; empty when one is not known or they differ. */
  static Set<GpuVendor> ofAll(List<String> models) {
    Set<GpuVendor> vendors = EnumSet.noneOf(GpuVendor.class);
    for (String model : models) {
      Set<GpuVendor> of = of(model);
      if (of.isEmpty()) {
        return Set.of();
      }
      vendors.addAll(of);
    }
    return vendors.size() == 1 ? vendors : Set.of();
  }
}
