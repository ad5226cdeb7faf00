package dev.dstack.agent.host;

import dev.dstack.model.resources.Gpu;
import dev.dstack.model.resources.GpuVendor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Google's TPU. All chips of a host work as one and are one accelerator, named as Google names such
 * a machine: the generation and the number of its cores, of its chips for those of one core.
 */
final class Tpus {
  private static final String VENDOR = "0x1ae0";
  private static final Pattern ADDRESS = Pattern.compile("[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f.]+");
  private static final Pattern ACCEL = Pattern.compile("accel\\d+");
  private static final int GIB = 1024;

  private record Generation(String name, int cores, int gib) {}

  private static final Generation V2 = new Generation("v2", 2, 16);
  private static final String V2_SUBSYSTEM = "0x004e";

  /** PCI ids of a chip; Google's network card has the same vendor. */
  private static final Map<String, Generation> CHIPS =
      Map.of(
          "0x0027", new Generation("v3", 2, 32),
          "0x005e", new Generation("v4", 2, 32),
          "0x0062", new Generation("v5p", 2, 95),
          "0x0063", new Generation("v5litepod", 1, 16),
          "0x006f", new Generation("v6e", 1, 32),
          "0x0076", new Generation("tpu7x", 2, 192));

  private final DeviceTree tree;

  Tpus(DeviceTree tree) {
    this.tree = tree;
  }

  List<Accelerator> find() {
    Path pci = tree.sys().resolve("bus/pci/devices");
    Generation generation = V2;
    int chips = 0;
    List<String> groups = new ArrayList<>();
    for (String address : DeviceTree.names(pci, ADDRESS)) {
      Path device = pci.resolve(address);
      Generation known = CHIPS.get(DeviceTree.text(device.resolve("device")));
      if (known == null || !DeviceTree.text(device.resolve("vendor")).equals(VENDOR)) {
        continue;
      }
      boolean second = DeviceTree.text(device.resolve("subsystem_device")).equals(V2_SUBSYSTEM);
      generation = known.name().equals("v3") && second ? V2 : known;
      chips++;
      if (Files.exists(device.resolve("iommu_group"))) {
        groups.addAll(tree.present("vfio/" + DeviceTree.target(device.resolve("iommu_group"))));
      }
    }
    List<String> devices = groups.isEmpty() ? DeviceTree.names(tree.dev(), ACCEL) : groups;
    if (chips == 0 || devices.isEmpty()) {
      return List.of();
    }
    String name = generation.name() + "-" + chips * generation.cores();
    int mib = chips * generation.gib() * GIB;
    return List.of(new Accelerator(new Gpu(GpuVendor.GOOGLE, name, mib), 0, devices));
  }
}
