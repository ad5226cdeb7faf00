package dev.dstack.agent.docker;

import dev.dstack.agent.host.Accelerator;
import dev.dstack.model.resources.GpuVendor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.function.Supplier;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * How a container is given accelerators of the host: through the vendor's runtime where the engine
 * has it, else as the plain devices.
 */
final class Accelerators {
  private final Path dev;
  private final Supplier<List<Accelerator>> host;

  /**
   * @param dev where the host's devices are
   * @param host its accelerators, in the order of its offer
   */
  Accelerators(Path dev, Supplier<List<Accelerator>> host) {
    this.dev = dev;
    this.host = host;
  }

  /** What could not be handed over, in words; empty: everything was. */
  String add(ObjectNode container, ObjectNode hostConfig, List<Integer> places, EngineInfo engine)
      throws IOException {
    if (places.isEmpty()) {
      return "";
    }
    List<Accelerator> all = host.get();
    boolean nvidia = all.isEmpty() || all.getFirst().gpu().vendor() == GpuVendor.NVIDIA;
    if (nvidia && engine.nvidiaToolkit()) {
      // It knows them by the same numbers, even where nothing on the host tells the agent of them.
      nvidiaRequest(hostConfig, places);
      return "";
    }
    List<Accelerator> given = new ArrayList<>();
    for (int place : places) {
      if (place >= all.size()) {
        return "gpu: the host has no accelerator with the index " + place;
      }
      given.add(all.get(place));
    }
    return switch (given.getFirst().gpu().vendor()) {
      case NVIDIA -> nvidiaDevices(hostConfig, given);
      case AMD -> amd(hostConfig, given);
      case INTEL -> gaudi(container, hostConfig, given, engine);
      case TENSTORRENT -> tenstorrent(hostConfig, given);
      case GOOGLE -> tpu(container, hostConfig, given);
    };
  }

  private static void nvidiaRequest(ObjectNode hostConfig, List<Integer> gpus) {
    ObjectNode request = hostConfig.withArray("DeviceRequests").addObject();
    ArrayNode capabilities = request.withArray("Capabilities").addArray();
    List.of("gpu", "compute", "utility", "graphics", "video", "display", "compat32")
        .forEach(capabilities::add);
    ArrayNode ids = request.withArray("DeviceIDs");
    gpus.forEach(index -> ids.add(Integer.toString(index)));
  }

  private String nvidiaDevices(ObjectNode hostConfig, List<Accelerator> given) {
    String missing = own(hostConfig, given);
    if (!missing.isEmpty()) {
      return missing;
    }
    for (String shared : List.of("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset")) {
      device(hostConfig, shared);
    }
    return "";
  }

  private String amd(ObjectNode hostConfig, List<Accelerator> given) throws IOException {
    if (!device(hostConfig, "kfd")) {
      return missing("kfd");
    }
    String missing = own(hostConfig, given);
    if (!missing.isEmpty()) {
      return missing;
    }
    TreeSet<Integer> groups = new TreeSet<>();
    groups.add(group("kfd"));
    for (Accelerator gpu : given) {
      for (String node : gpu.devices()) {
        groups.add(group(node));
      }
    }
    // Whoever the user of the container is, the devices are their group's.
    groups.forEach(group -> hostConfig.withArray("GroupAdd").add(Integer.toString(group)));
    hostConfig.withArray("CapAdd").add("SYS_PTRACE");
    return "";
  }

  private int group(String device) throws IOException {
    return (Integer) Files.getAttribute(dev.resolve(device), "unix:gid");
  }

  private String gaudi(
      ObjectNode container, ObjectNode hostConfig, List<Accelerator> given, EngineInfo engine) {
    String visible =
        String.join(",", given.stream().map(gpu -> Integer.toString(gpu.number())).toList());
    container.withArray("Env").add("HABANA_VISIBLE_DEVICES=" + visible);
    hostConfig.withArray("CapAdd").add("SYS_NICE");
    if (engine.runtimes().contains("habana")) {
      hostConfig.put("Runtime", "habana");
      return "";
    }
    return own(hostConfig, given);
  }

  private String tenstorrent(ObjectNode hostConfig, List<Accelerator> given) {
    Path pages = dev.resolve("hugepages-1G");
    if (Files.isDirectory(pages)) {
      ObjectNode mount = hostConfig.withArray("Mounts").addObject();
      mount.put("Type", "bind").put("Source", pages.toString()).put("Target", "/dev/hugepages-1G");
    }
    return own(hostConfig, given);
  }

  /** Its library locks much memory for the chips; that and not `privileged` is what it needs. */
  private String tpu(ObjectNode container, ObjectNode hostConfig, List<Accelerator> given) {
    container.withArray("Env").add("PJRT_DEVICE=TPU");
    hostConfig
        .withArray("Ulimits")
        .addObject()
        .put("Name", "memlock")
        .put("Soft", -1)
        .put("Hard", -1);
    if (given.stream().flatMap(gpu -> gpu.devices().stream()).anyMatch(Accelerators::isVfio)) {
      device(hostConfig, "vfio/vfio");
    }
    return own(hostConfig, given);
  }

  private static boolean isVfio(String device) {
    return device.startsWith("vfio/");
  }

  /** The nodes of each. */
  private String own(ObjectNode hostConfig, List<Accelerator> given) {
    for (Accelerator gpu : given) {
      for (String node : gpu.devices()) {
        if (!device(hostConfig, node)) {
          return missing(node);
        }
      }
    }
    return "";
  }

  private boolean device(ObjectNode hostConfig, String name) {
    Path path = dev.resolve(name);
    if (!Files.exists(path)) {
      return false;
    }
    ObjectNode device = hostConfig.withArray("Devices").addObject();
    device.put("PathOnHost", path.toString());
    device.put("PathInContainer", "/dev/" + name);
    device.put("CgroupPermissions", "rwm");
    return true;
  }

  private String missing(String name) {
    return "gpu: the host has no device " + dev.resolve(name);
  }
}
