package dev.dstack.activities.agent;

import dev.dstack.model.resources.Gpu;
import dev.dstack.model.resources.GpuVendor;
import dev.dstack.workflows.fleet.Placement;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Keeps a process of the host on the accelerators of its claim. Nothing but its environment can do
 * that: a process sees all devices.
 */
final class GpuPins {
  private GpuPins() {}

  /** Empty where the host has no accelerators. A value is empty where the job has none of them. */
  static Map<String, String> variables(Placement placement) {
    List<Gpu> all = placement.offer().resources().gpus();
    Map<GpuVendor, StringBuilder> lists = new LinkedHashMap<>();
    Map<GpuVendor, Integer> seen = new LinkedHashMap<>();
    for (int i = 0; i < all.size(); i++) {
      GpuVendor vendor = all.get(i).vendor();
      // Drivers number the devices of their own vendor.
      int number = seen.merge(vendor, 1, Integer::sum) - 1;
      StringBuilder list = lists.computeIfAbsent(vendor, _ -> new StringBuilder());
      if (placement.gpuIndexes().contains(i)) {
        list.append(list.isEmpty() ? "" : ",").append(number);
      }
    }
    Map<String, String> variables = new LinkedHashMap<>();
    lists.forEach((vendor, list) -> variables.putAll(of(vendor, list.toString())));
    return variables;
  }

  private static Map<String, String> of(GpuVendor vendor, String list) {
    return switch (vendor) {
      case NVIDIA -> Map.of("CUDA_VISIBLE_DEVICES", list, "NVIDIA_VISIBLE_DEVICES", list);
      // HIP counts what ROCR leaves over, so one of the two is enough.
      case AMD -> Map.of("ROCR_VISIBLE_DEVICES", list);
      // The agent lists them in the order of their modules.
      case INTEL -> Map.of("HABANA_VISIBLE_MODULES", list);
      case TENSTORRENT -> Map.of("TT_VISIBLE_DEVICES", list);
      // All chips of a host are one accelerator: a job has every one of them or none.
      case GOOGLE ->
          list.isEmpty() ? Map.of("TPU_VISIBLE_CHIPS", "") : Map.of("PJRT_DEVICE", "TPU");
    };
  }
}
