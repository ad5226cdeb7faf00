package dev.dstack.model.config;

import dev.dstack.model.resources.GpuModels;
import dev.dstack.model.resources.GpuVendor;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/** Who makes accelerators of some names. */
final class GpuVendors {
  private GpuVendors() {}

  /** The one vendor of all these models; empty when one is not known or they differ. */
  static Set<GpuVendor> ofAll(List<String> models) {
    Set<GpuVendor> vendors = EnumSet.noneOf(GpuVendor.class);
    for (String model : models) {
      Set<GpuVendor> of = GpuModels.vendors(model);
      if (of.isEmpty()) {
        return Set.of();
      }
      vendors.addAll(of);
    }
    return vendors.size() == 1 ? vendors : Set.of();
  }
}
