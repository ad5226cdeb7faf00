package dev.dstack.agent.host;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * Where the kernel shows its devices: below {@code /}, unless the system property {@code
 * dstack.agent.root} names another place, where an agent in a container may have those of its host.
 */
record DeviceTree(Path dev, Path sys, Path proc) {
  private static final int MOST_BYTES = 64 * 1024;

  static DeviceTree host() {
    return below(Path.of(System.getProperty("dstack.agent.root", "/")));
  }

  static DeviceTree below(Path root) {
    return new DeviceTree(root.resolve("dev"), root.resolve("sys"), root.resolve("proc"));
  }

  boolean has(String device) {
    return Files.exists(dev.resolve(device));
  }

  /** Those of the names that exist. */
  List<String> present(String... devices) {
    List<String> present = new ArrayList<>();
    for (String device : devices) {
      if (has(device)) {
        present.add(device);
      }
    }
    return present;
  }

  Path pci(String address) {
    return sys.resolve("bus/pci/devices").resolve(address);
  }

  /** Names in a directory, those with smaller numbers at their ends first; none where it is not. */
  static List<String> names(Path directory, Pattern form) {
    List<String> names = new ArrayList<>();
    if (!Files.isDirectory(directory)) {
      return names;
    }
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
      for (Path entry : entries) {
        String name = String.valueOf(entry.getFileName());
        if (form.matcher(name).matches()) {
          names.add(name);
        }
      }
    } catch (IOException | DirectoryIteratorException e) {
      return List.of();
    }
    names.sort(Comparator.comparingInt(DeviceTree::number).thenComparing(name -> name));
    return names;
  }

  /** The digits at the end of a name. */
  static int number(String name) {
    int start = name.length();
    while (start > 0 && name.length() - start < 9 && Character.isDigit(name.charAt(start - 1))) {
      start--;
    }
    return start == name.length() ? 0 : Integer.parseInt(name.substring(start));
  }

  /** What a file of the kernel says, without blanks around it; empty: it does not say anything. */
  static String text(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      return new String(in.readNBytes(MOST_BYTES), StandardCharsets.UTF_8).strip();
    } catch (IOException e) {
      return "";
    }
  }

  /** The last name of what a link leads to, such as the PCI address of a device; empty: nothing. */
  static String target(Path link) {
    try {
      return String.valueOf(link.toRealPath().getFileName()).toLowerCase(Locale.ROOT);
    } catch (IOException e) {
      return "";
    }
  }
}
