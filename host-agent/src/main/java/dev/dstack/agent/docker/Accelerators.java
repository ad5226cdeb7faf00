package dev.dstack.agent.docker;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.TreeSet;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * How a container is given accelerators of the host: through the vendor's runtime where the engine
 * has it, else as the plain devices.
 */
final class Accelerators {
  private static final int FIRST_RENDER_NODE = 128;
  private static final String AMD_VENDOR = "0x1002";

  private final Path dev;
  private final Path sys;

  Accelerators(Path dev, Path sys) {
    this.dev = dev;
    this.sys = sys;
  }

  /** What could not be handed over, in words; empty: everything was. */
  String add(ObjectNode container, ObjectNode hostConfig, List<Integer> gpus, EngineInfo engine)
      throws IOException {
    if (gpus.isEmpty()) {
      return "";
    }
    if (engine.nvidiaToolkit()) {
      nvidiaRequest(hostConfig, gpus);
      return "";
    }
    if (Files.exists(dev.resolve("nvidiactl"))) {
      return nvidiaDevices(hostConfig, gpus);
    }
    if (Files.exists(dev.resolve("kfd"))) {
      return amd(hostConfig, gpus);
    }
    if (Files.exists(dev.resolve("accel/accel_controlD0"))) {
      return habana(container, hostConfig, gpus, engine);
    }
    if (Files.isDirectory(dev.resolve("tenstorrent"))) {
      return tenstorrent(hostConfig, gpus);
    }
    return tpu(hostConfig, gpus);
  }

  private static void nvidiaRequest(ObjectNode hostConfig, List<Integer> gpus) {
    ObjectNode request = hostConfig.withArray("DeviceRequests").addObject();
    ArrayNode capabilities = request.withArray("Capabilities").addArray();
    List.of("gpu", "compute", "utility", "graphics", "video", "display", "compat32")
        .forEach(capabilities::add);
    ArrayNode ids = request.withArray("DeviceIDs");
    gpus.forEach(index -> ids.add(Integer.toString(index)));
  }

  private String nvidiaDevices(ObjectNode hostConfig, List<Integer> gpus) {
    for (int index : gpus) {
      if (!device(hostConfig, "nvidia" + index)) {
        return missing("nvidia" + index);
      }
    }
    for (String shared : List.of("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset")) {
      device(hostConfig, shared);
    }
    return "";
  }

  private String amd(ObjectNode hostConfig, List<Integer> gpus) throws IOException {
    List<String> nodes = renderNodes();
    device(hostConfig, "kfd");
    TreeSet<Integer> groups = new TreeSet<>();
    groups.add(group(dev.resolve("kfd")));
    for (int index : gpus) {
      if (index >= nodes.size()) {
        return "gpu: the host has no AMD GPU with the index " + index;
      }
      String node = nodes.get(index);
      device(hostConfig, "dri/" + node);
      groups.add(group(dev.resolve("dri").resolve(node)));
      int card = Integer.parseInt(node.substring("renderD".length())) - FIRST_RENDER_NODE;
      device(hostConfig, "dri/card" + card);
    }
    // Whoever the user of the container is, the devices are their group's.
    groups.forEach(group -> hostConfig.withArray("GroupAdd").add(Integer.toString(group)));
    hostConfig.withArray("CapAdd").add("SYS_PTRACE");
    return "";
  }

  private List<String> renderNodes() throws IOException {
    List<String> nodes = new ArrayList<>();
    try (DirectoryStream<Path> found =
        Files.newDirectoryStream(dev.resolve("dri"), "renderD[0-9]*")) {
      for (Path node : found) {
        String name = String.valueOf(node.getFileName());
        Path vendor = sys.resolve("class/drm").resolve(name).resolve("device/vendor");
        if (!Files.exists(vendor) || Files.readString(vendor).strip().equals(AMD_VENDOR)) {
          nodes.add(name);
        }
      }
    }
    nodes.sort(Comparator.comparingInt(name -> Integer.parseInt(name.substring(7))));
    return nodes;
  }

  private static int group(Path device) throws IOException {
    return (Integer) Files.getAttribute(device, "unix:gid");
  }

  private String habana(
      ObjectNode container, ObjectNode hostConfig, List<Integer> gpus, EngineInfo engine) {
    String visible = String.join(",", gpus.stream().map(String::valueOf).toList());
    container.withArray("Env").add("HABANA_VISIBLE_DEVICES=" + visible);
    hostConfig.withArray("CapAdd").add("SYS_NICE");
    if (engine.runtimes().contains("habana")) {
      hostConfig.put("Runtime", "habana");
      return "";
    }
    for (int index : gpus) {
      if (!device(hostConfig, "accel/accel" + index)) {
        return missing("accel/accel" + index);
      }
      device(hostConfig, "accel/accel_controlD" + index);
    }
    return "";
  }

  private String tenstorrent(ObjectNode hostConfig, List<Integer> gpus) {
    for (int index : gpus) {
      if (!device(hostConfig, "tenstorrent/" + index)) {
        return missing("tenstorrent/" + index);
      }
    }
    Path pages = dev.resolve("hugepages-1G");
    if (Files.isDirectory(pages)) {
      ObjectNode mount = hostConfig.withArray("Mounts").addObject();
      mount.put("Type", "bind").put("Source", pages.toString()).put("Target", "/dev/hugepages-1G");
    }
    return "";
  }

  private String tpu(ObjectNode hostConfig, List<Integer> gpus) {
    for (int index : gpus) {
      if (!device(hostConfig, "accel" + index) && !device(hostConfig, "vfio/" + index)) {
        return "gpu: the host has no accelerator with the index " + index;
      }
    }
    device(hostConfig, "vfio/vfio");
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
