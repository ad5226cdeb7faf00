package dev.dstack.agent.volume;

import dev.dstack.model.agent.VolumeRequest;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Block devices, and files that stand for them, with the programs of the host. */
final class Devices {
  private static final Duration APPEARS_WITHIN = Duration.ofSeconds(30);
  private static final Duration TOOL = Duration.ofMinutes(3);
  private static final int LOOKED_AT_BYTES = 1 << 20;
  private static final int NOTHING_FOUND = 2;
  private static final int UNMOUNT_ATTEMPTS = 20;
  private static final int MOST_WORDS = 300;

  /** Why a device can't be had, in words for the owner of the task. */
  static final class UnusableException extends Exception {
    private static final long serialVersionUID = 1L;

    UnusableException(String message) {
      super(message, null, false, false);
    }
  }

  private record Said(int status, String words) {}

  private Devices() {}

  static boolean isMounted(Path place) throws IOException {
    String written = place.toAbsolutePath().normalize().toString().replace(" ", "\\040");
    for (String line : Files.readAllLines(Path.of("/proc/self/mountinfo"))) {
      String[] fields = line.split(" ", 6);
      if (fields.length > 5 && fields[4].equals(written)) {
        return true;
      }
    }
    return false;
  }

  /** Makes a file system first when the device is blank and that is wanted. */
  static void mount(VolumeRequest volume, Path place)
      throws UnusableException, IOException, InterruptedException {
    Path device = find(volume);
    boolean fresh = false;
    Said type = run("blkid", "-p", "-o", "value", "-s", "TYPE", device.toString());
    if (type.status() == NOTHING_FOUND) {
      if (!volume.format()) {
        throw new UnusableException(
            "there is no file system on it, and as it was not made by dstack it is not formatted;"
                + " do that by hand once");
      }
      if (!blank(device)) {
        throw new UnusableException(
            "there is something on " + device + " that is no known file system; it is left alone");
      }
      expect(run("mkfs.ext4", "-q", "-F", device.toString()), "mkfs.ext4");
      fresh = true;
    } else if (type.status() != 0) {
      throw new UnusableException("blkid can't read " + device + ": " + type.words());
    }
    List<String> mount = new ArrayList<>(List.of("mount"));
    if (Files.isRegularFile(device)) {
      mount.addAll(List.of("-o", "loop"));
    }
    mount.addAll(List.of(device.toString(), place.toString()));
    expect(run(mount.toArray(String[]::new)), "mount");
    if (fresh) {
      // Whoever the first task runs as, it can write.
      expect(run("chmod", "1777", place.toString()), "chmod");
    }
  }

  /** False: something still uses it. */
  static boolean unmount(Path place) throws IOException, InterruptedException {
    for (int attempt = 0; attempt < UNMOUNT_ATTEMPTS; attempt++) {
      if (!isMounted(place)) {
        return true;
      }
      if (run("umount", place.toString()).status() != 0) {
        TimeUnit.MILLISECONDS.sleep(250);
      }
    }
    return !isMounted(place);
  }

  /** Providers say a name that the kernel may spell otherwise; a new device takes a moment. */
  private static Path find(VolumeRequest volume) throws UnusableException, InterruptedException {
    String named = String.valueOf(volume.device());
    List<Path> candidates = new ArrayList<>();
    candidates.add(
        Path.of(
            "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_"
                + volume.providerId().replace("-", "")));
    candidates.add(Path.of(named));
    if (named.startsWith("/dev/sd")) {
      candidates.add(Path.of("/dev/xvd" + named.substring("/dev/sd".length())));
    }
    long deadline = System.nanoTime() + APPEARS_WITHIN.toNanos();
    do {
      for (Path candidate : candidates) {
        if (Files.exists(candidate)) {
          return candidate;
        }
      }
      TimeUnit.MILLISECONDS.sleep(250);
    } while (System.nanoTime() - deadline < 0);
    throw new UnusableException("its device " + named + " has not appeared on the host");
  }

  private static boolean blank(Path device) throws IOException {
    try (InputStream in = Files.newInputStream(device)) {
      for (byte one : in.readNBytes(LOOKED_AT_BYTES)) {
        if (one != 0) {
          return false;
        }
      }
    }
    return true;
  }

  private static void expect(Said said, String what) throws UnusableException {
    if (said.status() != 0) {
      throw new UnusableException(what + " failed: " + said.words());
    }
  }

  /** Those of the administrator are often not on the path. */
  private static String program(String name) {
    for (String place : List.of("/usr/sbin/", "/sbin/", "/usr/bin/", "/bin/")) {
      if (Files.isExecutable(Path.of(place + name))) {
        return place + name;
      }
    }
    return name;
  }

  private static Said run(String... command) throws InterruptedException {
    try {
      String[] found = command.clone();
      found[0] = program(command[0]);
      Process process = new ProcessBuilder(found).redirectErrorStream(true).start();
      process.getOutputStream().close();
      Thread.ofVirtual()
          .start(
              () -> {
                try {
                  if (!process.waitFor(TOOL.toMillis(), TimeUnit.MILLISECONDS)) {
                    process.destroyForcibly();
                  }
                } catch (InterruptedException e) {
                  process.destroyForcibly();
                }
              });
      String words =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      int status = process.waitFor();
      return new Said(status, words.length() > MOST_WORDS ? words.substring(0, MOST_WORDS) : words);
    } catch (IOException e) {
      return new Said(127, command[0] + " can't be run on this host: " + e.getMessage());
    }
  }
}
