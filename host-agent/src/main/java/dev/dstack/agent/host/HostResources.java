package dev.dstack.agent.host;

import com.sun.management.OperatingSystemMXBean;
import dev.dstack.model.resources.CpuArch;
import dev.dstack.model.resources.Gpu;
import dev.dstack.model.resources.Resources;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * What this machine has. Inside a container that is what the container was given: the JVM reads the
 * limits of control groups, version 1 and 2, for processors and memory.
 */
public final class HostResources {
  private static final long MIB = 1024 * 1024;

  private HostResources() {}

  /**
   * @param home the disk that counts is the one under this directory, its free space
   */
  public static Resources detect(Path home) throws IOException {
    Path existing = home.toAbsolutePath();
    while (!Files.exists(existing) && existing.getParent() != null) {
      existing = existing.getParent();
    }
    List<Gpu> gpus = GpuProbe.detect();
    return new Resources(
        arch(System.getProperty("os.arch", "")),
        Runtime.getRuntime().availableProcessors(),
        memoryMib(),
        Files.getFileStore(existing).getUsableSpace() / MIB,
        gpus,
        false);
  }

  static CpuArch arch(String name) {
    String lower = name.toLowerCase(Locale.ROOT);
    return lower.startsWith("aarch") || lower.startsWith("arm") ? CpuArch.ARM : CpuArch.X86;
  }

  private static long memoryMib() {
    return ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean system
        ? system.getTotalMemorySize() / MIB
        : 0;
  }
}
