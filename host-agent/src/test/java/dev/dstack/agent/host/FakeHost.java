package dev.dstack.agent.host;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;

/**
 * A host with accelerators as they look to who does not use them: nodes in /dev, what the kernel
 * says in /sys and /proc, and vendors' tools that print what the real ones print.
 */
public final class FakeHost {
  private final Path root;
  private final boolean real;

  public FakeHost(Path root) {
    this(root, false);
  }

  private FakeHost(Path root, boolean real) {
    this.root = root;
    this.real = real;
    write("bin/.keep", "");
  }

  /** Its nodes are links to /dev/null, so that an engine takes them for devices. */
  public static FakeHost forContainers(Path root) {
    return new FakeHost(root, true);
  }

  public Path root() {
    return root;
  }

  /** What stands on PATH for its tools. */
  public Path bin() {
    return root.resolve("bin");
  }

  GpuProbe probe() {
    return new GpuProbe(DeviceTree.below(root), new Tool(List.of(bin())));
  }

  public FakeHost write(String file, String content) {
    try {
      Path path = root.resolve(file);
      Files.createDirectories(path.getParent());
      Files.writeString(path, content);
      return this;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private FakeHost link(String link, Path to) {
    try {
      Path path = root.resolve(link);
      Files.createDirectories(path.getParent());
      Files.createSymbolicLink(path, to);
      return this;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public FakeHost devices(String... names) {
    for (String name : names) {
      if (real) {
        link("dev/" + name, Path.of("/dev/null"));
      } else {
        write("dev/" + name, "");
      }
    }
    return this;
  }

  /**
   * @param name and what it prints whatever it is asked
   */
  public FakeHost tool(String name, String output) {
    return tool(name, "", output);
  }

  /**
   * @param asked it fails unless this is among its arguments
   */
  public FakeHost tool(String name, String asked, String output) {
    write("bin/" + name + ".out" + asked.replace('/', '-'), output);
    Path script = bin().resolve(name);
    try {
      String before = Files.exists(script) ? Files.readString(script) : "#!/bin/sh\n";
      Files.writeString(
          script,
          before.replace("exit 2\n", "")
              + "case \"$*\" in *'"
              + asked
              + "'*) cat '"
              + bin().resolve(name + ".out" + asked.replace('/', '-'))
              + "'; exit 0 ;; esac\nexit 2\n");
      Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwxr-xr-x"));
      return this;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A device on the PCI bus. */
  public FakeHost pci(String address, String vendor, String device) {
    write("sys/bus/pci/devices/" + address + "/vendor", vendor + "\n");
    return write("sys/bus/pci/devices/" + address + "/device", device + "\n");
  }

  private Path pciPath(String address) {
    return root.resolve("sys/bus/pci/devices").resolve(address);
  }

  public FakeHost vfio(String address, int group) {
    Path groups = root.resolve("sys/kernel/iommu_groups/" + group);
    write("sys/kernel/iommu_groups/" + group + "/type", "DMA\n");
    link("sys/bus/pci/devices/" + address + "/iommu_group", groups);
    return devices("vfio/" + group);
  }

  /** A card with its nodes. */
  public FakeHost amd(String address, String id, int render, int card) {
    pci(address, "0x1002", id);
    String node = "renderD" + render;
    link("sys/class/drm/" + node + "/device", pciPath(address));
    write("sys/bus/pci/devices/" + address + "/drm/card" + card + "/dev", "226:" + card + "\n");
    write("sys/bus/pci/devices/" + address + "/drm/" + node + "/dev", "226:" + render + "\n");
    return devices("dri/" + node, "dri/card" + card);
  }

  /** Of Habana Labs, or of somebody else who uses the same directory. */
  public FakeHost accel(String address, String vendor, String id, int number) {
    pci(address, vendor, id);
    link("sys/class/accel/accel" + number + "/device", pciPath(address));
    return devices("accel/accel" + number);
  }

  public FakeHost tenstorrent(String address, String type, int number) {
    pci(address, "0x1e52", "0x401e");
    String attributes = "sys/class/tenstorrent/tenstorrent!" + number;
    link(attributes + "/device", pciPath(address));
    write(attributes + "/tt_card_type", type + "\n");
    return devices("tenstorrent/" + number);
  }
}
