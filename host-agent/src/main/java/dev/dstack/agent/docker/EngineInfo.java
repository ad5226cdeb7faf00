package dev.dstack.agent.docker;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * What the engine says of itself.
 *
 * @param architecture as images name theirs, such as amd64
 * @param cpus of the host; a container can't be given more
 * @param runtimes names of the runtimes it has
 * @param nvidiaToolkit it can hand over NVIDIA GPUs
 */
public record EngineInfo(
    String version, String architecture, double cpus, Set<String> runtimes, boolean nvidiaToolkit) {
  public EngineInfo {
    runtimes = Set.copyOf(runtimes);
  }

  static EngineInfo of(JsonNode info) {
    Set<String> runtimes = new LinkedHashSet<>(info.path("Runtimes").propertyNames());
    boolean hook =
        Files.isExecutable(Path.of("/usr/bin/nvidia-container-runtime-hook"))
            || Files.isExecutable(Path.of("/usr/bin/nvidia-container-toolkit"));
    return new EngineInfo(
        info.path("ServerVersion").asString(""),
        architecture(info.path("Architecture").asString("")),
        info.path("NCPU").asDouble(0),
        runtimes,
        runtimes.contains("nvidia") || hook);
  }

  /** The kernel's name of a machine in the words of images. */
  static String architecture(String machine) {
    return switch (machine) {
      case "x86_64", "x86-64" -> "amd64";
      case "aarch64" -> "arm64";
      case "i386", "i686" -> "386";
      default -> machine;
    };
  }

  /** Whether what an image holds can run here. */
  boolean runs(String imageArchitecture) {
    return imageArchitecture.isEmpty()
        || imageArchitecture.equals(architecture)
        || (architecture.equals("amd64") && imageArchitecture.equals("386"));
  }
}
