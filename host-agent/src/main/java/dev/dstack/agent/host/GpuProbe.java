package dev.dstack.agent.host;

import java.nio.file.Path;
import java.util.List;
import java.util.function.Supplier;

/** The accelerators of this machine; where there are those of several vendors, of the first. */
public final class GpuProbe {
  private static final GpuProbe HOST = new GpuProbe(DeviceTree.host(), Tool.ofHost());

  private final DeviceTree tree;
  private final Tool tool;
  private List<Accelerator> found = List.of();

  GpuProbe(DeviceTree tree, Tool tool) {
    this.tree = tree;
    this.tool = tool;
  }

  static GpuProbe host() {
    return HOST;
  }

  /** In the order of the host's offer. */
  public static List<Accelerator> ofHost() {
    return HOST.accelerators();
  }

  /** Where the nodes are that {@link Accelerator#devices} names. */
  public static Path dev() {
    return HOST.tree.dev();
  }

  /** Asked once where there are any: a tool takes a second or two. */
  synchronized List<Accelerator> accelerators() {
    if (found.isEmpty()) {
      found = look();
    }
    return found;
  }

  /**
   * Devices that can't be mistaken come first: a processor of AMD's may have a small GPU of its
   * own, and /dev/accel is used by many.
   */
  private List<Accelerator> look() {
    List<Supplier<List<Accelerator>>> vendors =
        List.of(
            () -> new NvidiaGpus(tree, tool).find(),
            () -> new TenstorrentGpus(tree, tool).find(),
            () -> new AmdGpus(tree, tool).find(),
            () -> new GaudiGpus(tree, tool).find(),
            () -> new Tpus(tree).find());
    for (Supplier<List<Accelerator>> vendor : vendors) {
      List<Accelerator> gpus = vendor.get();
      if (!gpus.isEmpty()) {
        return List.copyOf(gpus);
      }
    }
    return List.of();
  }

  DeviceTree tree() {
    return tree;
  }

  Tool tool() {
    return tool;
  }
}
