package dev.dstack.agent.runtime;

import dev.dstack.agent.Durable;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;

/**
 * The runtimes that a host has unpacked, each in a directory named by its version. One that a
 * container uses is never changed, only another is put beside it.
 */
public final class RuntimeStore {
  private static final String CHECKSUM_SUFFIX = ".sha256";

  private RuntimeStore() {}

  /**
   * Unpacks a runtime, unless that is done. The packed file may be gone when it was unpacked by an
   * earlier call.
   *
   * @param packed a {@code .tar.gz}, named {@code dstack-runtime-VERSION-ARCH.tar.gz}, with its
   *     SHA-256 beside it in a file of the same name with {@code .sha256}
   * @throws IOException says what is wrong with it
   */
  public static RuntimeLayout install(Path packed, Path store) throws IOException {
    Files.createDirectories(store);
    String name = packed.getFileName().toString();
    if (!name.endsWith(".tar.gz")) {
      throw new IOException(packed + " is no packed runtime: its name must end with .tar.gz");
    }
    Path target = store.resolve(name.substring(0, name.length() - ".tar.gz".length()));
    try (FileChannel file =
            FileChannel.open(
                store.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock _ = file.lock()) {
      if (Files.exists(target.resolve(RuntimeLayout.VERSION_FILE))) {
        return RuntimeLayout.open(target);
      }
      check(packed);
      Path half = store.resolve(target.getFileName() + ".tmp");
      Durable.removeTree(half);
      unpack(packed, half);
      List<String> problems = RuntimeLayout.open(half).verify();
      if (!problems.isEmpty()) {
        throw new IOException(packed + " is damaged: " + String.join(", ", problems));
      }
      Durable.removeTree(target);
      Files.move(half, target);
    }
    return RuntimeLayout.open(target);
  }

  /** Every runtime that is there, to find those that nobody uses any more. */
  public static List<RuntimeLayout> installed(Path store) throws IOException {
    List<RuntimeLayout> found = new ArrayList<>();
    if (Files.isDirectory(store)) {
      try (DirectoryStream<Path> entries = Files.newDirectoryStream(store)) {
        for (Path entry : entries) {
          if (Files.exists(entry.resolve(RuntimeLayout.VERSION_FILE))
              && !entry.toString().endsWith(".tmp")) {
            found.add(RuntimeLayout.open(entry));
          }
        }
      }
    }
    return found;
  }

  private static void check(Path packed) throws IOException {
    Path beside = packed.resolveSibling(packed.getFileName() + CHECKSUM_SUFFIX);
    if (!Files.exists(packed)) {
      throw new IOException("there is no packed runtime " + packed);
    }
    if (!Files.exists(beside)) {
      throw new IOException("the checksum of the packed runtime is missing: " + beside);
    }
    String wanted = Files.readString(beside).strip().split("\\s+")[0];
    String actual = RuntimeLayout.sha256(packed);
    if (!actual.equals(wanted)) {
      throw new IOException(
          packed + " is damaged: its SHA-256 is " + actual + ", " + beside + " says " + wanted);
    }
  }

  private static void unpack(Path packed, Path directory) throws IOException {
    Files.createDirectories(directory);
    // Whoever a container runs as must be able to read it.
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    try (TarArchiveInputStream tar =
        new TarArchiveInputStream(
            new BufferedInputStream(
                new GZIPInputStream(Files.newInputStream(packed), 64 * 1024), 64 * 1024))) {
      for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
        Path target = directory.resolve(entry.getName()).normalize();
        if (!target.startsWith(directory)) {
          throw new IOException(packed + " is damaged: the entry " + entry.getName());
        }
        if (entry.isDirectory()) {
          Files.createDirectories(target);
          Files.setPosixFilePermissions(target, PosixFilePermissions.fromString("rwxr-xr-x"));
        } else if (entry.isFile()) {
          write(tar, target);
          Files.setPosixFilePermissions(
              target,
              PosixFilePermissions.fromString(
                  (entry.getMode() & 0100) == 0 ? "rw-r--r--" : "rwxr-xr-x"));
          // The cache of classes knows the jars by their times.
          Files.setLastModifiedTime(target, FileTime.from(entry.getLastModifiedTime().toInstant()));
        } else {
          throw new IOException(packed + " is damaged: the entry " + entry.getName());
        }
      }
    }
  }

  private static void write(InputStream from, Path target) throws IOException {
    try (OutputStream out = Files.newOutputStream(target, StandardOpenOption.CREATE_NEW)) {
      from.transferTo(out);
    }
  }
}
