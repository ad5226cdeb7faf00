package dev.dstack.agent.host;

import dev.dstack.model.resources.GpuVendor;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The version of the driver that is loaded for this machine's accelerators, as the kernel has it.
 */
public final class GpuDriver {
  private static final Pattern NVIDIA =
      Pattern.compile("(?m)^NVRM version:.*?\\s(\\d+(?:\\.\\d+)+)\\s");

  private GpuDriver() {}

  /** Empty: there are no accelerators, or their driver names no version. */
  public static Optional<String> ofHost() {
    return of(GpuProbe.host());
  }

  static Optional<String> of(GpuProbe probe) {
    return probe.accelerators().isEmpty()
        ? Optional.empty()
        : version(probe.tree(), probe.accelerators().getFirst().gpu().vendor());
  }

  private static Optional<String> version(DeviceTree tree, GpuVendor vendor) {
    return switch (vendor) {
      case NVIDIA -> {
        Matcher line =
            NVIDIA.matcher(DeviceTree.text(tree.proc().resolve("driver/nvidia/version")) + "\n");
        yield line.find() ? Optional.of(line.group(1)) : module(tree, "nvidia");
      }
      case AMD -> module(tree, "amdgpu");
      case INTEL -> module(tree, "habanalabs");
      case TENSTORRENT -> module(tree, "tenstorrent");
      case GOOGLE -> Optional.empty();
    };
  }

  private static Optional<String> module(DeviceTree tree, String name) {
    Path file = tree.sys().resolve("module").resolve(name).resolve("version");
    return Optional.of(DeviceTree.text(file)).filter(version -> !version.isEmpty());
  }
}
