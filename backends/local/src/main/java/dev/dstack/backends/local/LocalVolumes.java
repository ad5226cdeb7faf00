package dev.dstack.backends.local;

import dev.dstack.backends.VolumeAttachment;
import dev.dstack.backends.VolumeInfo;
import dev.dstack.backends.VolumeOrder;
import dev.dstack.backends.VolumeRef;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Volumes of this machine: {@code volumes/TOKEN} below the agent's directory, or a directory that
 * somebody has made. As there is one machine only, attaching means to say where the volume is; any
 * number of jobs may have it. What tasks wrote with other users' rights is removed by whoever runs
 * the server, as far as that user may.
 *
 * <p>With {@code volumes: loop} a volume is a file of the asked size with a file system in it,
 * which the agent mounts; that needs root.
 */
final class LocalVolumes {
  private static final String IMAGE = ".img";
  private static final Pattern TOKEN = Pattern.compile("dstack-volume-[0-9a-f-]{36}(\\.img)?");
  private static final int DEFAULT_GB = 1;

  private final Path directory;
  private final boolean loop;

  LocalVolumes(Path directory, boolean loop) {
    this.directory = directory.toAbsolutePath().normalize();
    this.loop = loop;
  }

  VolumeInfo ensure(VolumeOrder order) {
    String existing = order.existing();
    return existing == null ? make(order) : register(existing);
  }

  private static VolumeInfo register(String existing) {
    Path path = Path.of(existing);
    if (!path.isAbsolute() || path.equals(path.getRoot())) {
      throw new DstackException(
          ErrorKind.INVALID_SPEC,
          "volume_id: an existing volume of the server's own machine is the absolute path of a"
              + " directory, not '"
              + existing
              + "'");
    }
    if (!Files.isDirectory(path)) {
      throw new DstackException(
          ErrorKind.NOT_FOUND, "volume_id: there is no directory " + existing + " on this machine");
    }
    return new VolumeInfo(path.normalize().toString(), null, null, 0, true);
  }

  private VolumeInfo make(VolumeOrder order) {
    try {
      Files.createDirectories(directory);
      Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx--x--x"));
      if (!loop) {
        Path volume = Files.createDirectories(directory.resolve(order.token()));
        // Tasks may have any user, in containers above all.
        Files.setPosixFilePermissions(volume, PosixFilePermissions.fromString("rwxrwxrwx"));
        return new VolumeInfo(order.token(), order.sizeGb(), null, 0, true);
      }
      int gigabytes = order.sizeGb() == null ? DEFAULT_GB : order.sizeGb();
      Path image = directory.resolve(order.token() + IMAGE);
      if (!Files.exists(image)) {
        Path part = directory.resolve(order.token() + ".part");
        try (RandomAccessFile file = new RandomAccessFile(part.toFile(), "rw")) {
          file.setLength((long) gigabytes << 30);
        }
        Files.setPosixFilePermissions(part, PosixFilePermissions.fromString("rw-------"));
        Files.move(part, image);
      }
      return new VolumeInfo(order.token() + IMAGE, gigabytes, null, 0, true);
    } catch (FileAlreadyExistsException e) {
      return make(order);
    } catch (IOException e) {
      throw unavailable("can't be made in " + directory, e);
    }
  }

  void delete(VolumeOrder order) {
    if (order.existing() != null) {
      return;
    }
    try {
      Files.deleteIfExists(directory.resolve(order.token() + ".part"));
      Files.deleteIfExists(directory.resolve(order.token() + IMAGE));
      removeTree(directory.resolve(order.token()));
    } catch (IOException e) {
      throw new DstackException(
          ErrorKind.BACKEND_DENIED,
          "the files of the volume in "
              + directory
              + " can't be removed ("
              + e
              + "); tasks may have written them as other users: remove them by hand and delete the"
              + " volume again",
          e);
    }
  }

  /** A link is removed and not followed. */
  private static void removeTree(Path path) throws IOException {
    if (Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
      try (DirectoryStream<Path> children = Files.newDirectoryStream(path)) {
        for (Path child : children) {
          removeTree(child);
        }
      }
    }
    try {
      Files.deleteIfExists(path);
    } catch (NoSuchFileException e) {
      return;
    }
  }

  VolumeAttachment attach(VolumeRef volume) {
    String id = volume.volumeId();
    Path path = TOKEN.matcher(id).matches() ? directory.resolve(id) : Path.of(id);
    if (!Files.exists(path)) {
      throw new DstackException(
          ErrorKind.NOT_FOUND, "volume " + volume.name() + " is not at " + path + " any more");
    }
    boolean image = Files.isRegularFile(path);
    return new VolumeAttachment(image ? path.toString() : null, image ? null : path.toString());
  }

  private static DstackException unavailable(String what, @Nullable Exception e) {
    return new DstackException(
        ErrorKind.BACKEND_UNAVAILABLE, "the volume " + what + (e == null ? "" : ": " + e), e);
  }
}
