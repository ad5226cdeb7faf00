package dev.dstack.agent.host;

import com.sun.management.OperatingSystemMXBean;
import dev.dstack.model.resources.CpuArch;
import dev.dstack.model.resources.Gpu;
import dev.dstack.model.resources.Resources;
import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
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
    List<Gpu> gpus = GpuProbe.ofHost().stream().map(Accelerator::gpu).toList();
    return new Resources(
        arch(System.getProperty("os.arch", "")),
        Runtime.getRuntime().availableProcessors(),
        memoryMib(),
        Files.getFileStore(existing).getUsableSpace() / MIB,
        gpus,
        false);
  }

  public static int processors() {
    return Runtime.getRuntime().availableProcessors();
  }

  public static long memoryBytes() {
    return memoryMib() * MIB;
  }

  /** How many processes and threads the kernel knows at most. */
  public static long mostPids() {
    // In one read: the kernel gives the rest of a setting to no second one.
    try (InputStream in = Files.newInputStream(Path.of("/proc/sys/kernel/pid_max"))) {
      return Long.parseLong(new String(in.readNBytes(64), StandardCharsets.US_ASCII).strip());
    } catch (IOException | NumberFormatException e) {
      return 32_768;
    }
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
