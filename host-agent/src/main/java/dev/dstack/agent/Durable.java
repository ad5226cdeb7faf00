package dev.dstack.agent;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;

/** Files that are either the old or the new whole one, whatever dies in between. */
public final class Durable {
  private static final AtomicLong SERIAL = new AtomicLong();

  private Durable() {}

  /**
   * Replaces a file.
   *
   * @param mode such as {@code rw-------}
   * @param sync whether it must also survive the host's death
   */
  public static void write(Path file, byte[] content, String mode, boolean sync)
      throws IOException {
    Path tmp = file.resolveSibling(file.getFileName() + "." + SERIAL.incrementAndGet() + ".tmp");
    try {
      Set<PosixFilePermission> permissions = PosixFilePermissions.fromString(mode);
      try (FileChannel channel =
          FileChannel.open(
              tmp,
              EnumSet.of(
                  StandardOpenOption.CREATE,
                  StandardOpenOption.WRITE,
                  StandardOpenOption.TRUNCATE_EXISTING),
              PosixFilePermissions.asFileAttribute(permissions))) {
        ByteBuffer buffer = ByteBuffer.wrap(content);
        while (buffer.hasRemaining()) {
          channel.write(buffer);
        }
        if (sync) {
          channel.force(true);
        }
      }
      // The mask of the process may have taken bits away.
      Files.setPosixFilePermissions(tmp, permissions);
      Files.move(tmp, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      Files.deleteIfExists(tmp);
      throw e;
    }
    if (sync) {
      syncDirectory(parent(file));
    }
  }

  /**
   * Replaces the content of a file that exists, in the space it has already: for a full disk. The
   * rest is filled with spaces.
   */
  public static void overwrite(Path file, byte[] content) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      byte[] padded = new byte[(int) Math.max(content.length, channel.size())];
      Arrays.fill(padded, (byte) ' ');
      System.arraycopy(content, 0, padded, 0, content.length);
      channel.write(ByteBuffer.wrap(padded), 0);
    }
  }

  public static void syncDirectory(Path directory) throws IOException {
    try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  /** Makes a directory with exactly this mode, also when it exists. */
  public static void directory(Path directory, String mode) throws IOException {
    Files.createDirectories(directory);
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString(mode));
  }

  /** Removes a tree without following links; directories that its owner closed are opened first. */
  public static void removeTree(Path root) throws IOException {
    if (!Files.isDirectory(root, LinkOption.NOFOLLOW_LINKS)) {
      Files.deleteIfExists(root);
      return;
    }
    try {
      Files.setPosixFilePermissions(root, PosixFilePermissions.fromString("rwx------"));
    } catch (NoSuchFileException e) {
      return;
    }
    try (DirectoryStream<Path> children = Files.newDirectoryStream(root)) {
      for (Path child : children) {
        removeTree(child);
      }
    }
    Files.deleteIfExists(root);
  }

  public static boolean isDiskFull(IOException e) {
    String message = String.valueOf(e.getMessage());
    return message.contains("No space left") || message.contains("Disk quota exceeded");
  }

  private static Path parent(Path file) {
    Path parent = file.toAbsolutePath().getParent();
    return parent == null ? file.toAbsolutePath() : parent;
  }
}
