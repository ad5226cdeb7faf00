package dev.dstack.e2e.harness;

import dev.dstack.e2e.harness.SshHosts.Host;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * What is on the volumes of {@link MotoCloud}: a file each, which its machine sees under the name
 * that the kernel gives to an EBS volume for as long as it is attached.
 */
final class MotoDisks implements AutoCloseable {
  private static final String NAME = "nvme-Amazon_Elastic_Block_Store_";

  private final Path directory;

  MotoDisks() {
    try {
      directory = Files.createTempDirectory("dstack-disks");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Files are mounted through loop devices, which not every container may use. */
  static boolean possible() {
    return Files.exists(Path.of("/dev/loop-control"))
        && new Command(List.of("losetup", "--find")).run().exit() == 0;
  }

  /** Before its first start. */
  void prepare(Host host) {
    try {
      Files.createDirectories(host.home().resolve("disks"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * @param volumes those that are attached to it, with their size in GB
   */
  void show(Host host, Map<String, Integer> volumes) {
    Path shown = host.home().resolve("disks");
    try {
      for (Map.Entry<String, Integer> volume : volumes.entrySet()) {
        Path link = shown.resolve(NAME + volume.getKey().replace("-", ""));
        if (!Files.isSymbolicLink(link)) {
          Files.createSymbolicLink(link, file(volume.getKey(), volume.getValue()));
        }
      }
      try (Stream<Path> links = Files.list(shown)) {
        for (Path link : links.toList()) {
          if (volumes.keySet().stream()
              .noneMatch(id -> link.endsWith(NAME + id.replace("-", "")))) {
            Files.delete(link);
          }
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Path file(String id, int gigabytes) throws IOException {
    Path file = directory.resolve(id);
    if (!Files.exists(file)) {
      try (RandomAccessFile blank = new RandomAccessFile(file.toFile(), "rw")) {
        blank.setLength((long) gigabytes << 30);
      }
    }
    return file;
  }

  @Override
  public void close() {
    new Command(List.of("rm", "-rf", directory.toString())).run();
  }
}
