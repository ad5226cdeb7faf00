package dev.dstack.agent.files;

import dev.dstack.agent.host.TaskUser;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermission;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;

/**
 * Unpacks a tar archive below one directory and nowhere else: no entry may climb out by its name,
 * and nothing is written through a link that leads out. Links themselves are kept as they are.
 */
public final class Unpacker {
  static final long MAX_BYTES = Long.getLong("dstack.agent.max-unpacked-bytes", 64L << 30);
  static final int MAX_ENTRIES = 2_000_000;

  private final Path root;
  private final TaskUser owner;
  private long bytes;
  private int entries;

  /** The archive is not one that may be unpacked; the message says why. */
  public static final class BadArchiveException extends IOException {
    private static final long serialVersionUID = 1L;

    BadArchiveException(String message) {
      super(message);
    }
  }

  private Unpacker(Path root, TaskUser owner) {
    this.root = root;
    this.owner = owner;
  }

  /**
   * An archive of one file or one directory gets the destination's name; its own outermost name
   * doesn't matter. Any other archive, and any when {@code contents} is set, is unpacked into the
   * destination as a directory.
   */
  public static void unpack(Path archive, Path destination, boolean contents, TaskUser owner)
      throws IOException {
    Set<String> tops = contents ? Set.of() : topNames(archive);
    boolean rename = tops.size() == 1;
    Unpacker unpacker = new Unpacker(destination.toAbsolutePath().normalize(), owner);
    unpacker.run(archive, rename);
  }

  private static Set<String> topNames(Path archive) throws IOException {
    Set<String> names = new HashSet<>();
    try (TarArchiveInputStream tar = open(archive)) {
      for (TarArchiveEntry e = next(tar); e != null; e = next(tar)) {
        List<String> parts = parts(e.getName());
        // A directory "." is the destination itself: its contents stand at the top.
        names.add(parts.isEmpty() ? "." : parts.getFirst());
        if (names.size() > 1) {
          break;
        }
      }
    }
    names.remove(".");
    return names;
  }

  private void run(Path archive, boolean rename) throws IOException {
    Map<Path, FileTime> directoryTimes = new LinkedHashMap<>();
    Map<Path, Integer> directoryModes = new LinkedHashMap<>();
    if (!rename) {
      makeDirectories(root);
    }
    try (TarArchiveInputStream tar = open(archive)) {
      for (TarArchiveEntry e = next(tar); e != null; e = next(tar)) {
        if (++entries > MAX_ENTRIES) {
          throw new BadArchiveException("it has more than " + MAX_ENTRIES + " entries");
        }
        Path target = place(e.getName(), rename);
        if (e.isDirectory()) {
          makeDirectories(target);
          directoryModes.put(target, e.getMode());
          directoryTimes.put(target, FileTime.from(e.getLastModifiedTime().toInstant()));
        } else if (target.equals(root) && !rename) {
          throw new BadArchiveException("the entry '" + e.getName() + "' has no name");
        } else if (e.isSymbolicLink()) {
          makeRoom(target);
          Files.createSymbolicLink(target, Path.of(e.getLinkName()));
          own(target);
        } else if (e.isLink()) {
          Path source = place(e.getLinkName(), rename);
          checkInside(parentOf(source));
          if (!Files.isRegularFile(source, LinkOption.NOFOLLOW_LINKS)) {
            throw new BadArchiveException(
                "'" + e.getName() + "' is a link to something that is not in the archive");
          }
          makeRoom(target);
          Files.createLink(target, source);
        } else if (e.isFIFO() || e.isCharacterDevice() || e.isBlockDevice() || !e.isFile()) {
          throw new BadArchiveException(
              "'" + e.getName() + "' is neither a file nor a directory nor a link");
        } else {
          writeFile(tar, e, target);
        }
      }
    }
    // Last, deepest first: a directory may be closed to its own owner.
    List<Path> directories = new ArrayList<>(directoryModes.keySet());
    directories.sort(Comparator.comparingInt(Path::getNameCount).reversed());
    for (Path directory : directories) {
      if (Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
        Files.setPosixFilePermissions(
            directory, permissions(directoryModes.getOrDefault(directory, 0755)));
        FileTime time = directoryTimes.get(directory);
        if (time != null) {
          Files.setLastModifiedTime(directory, time);
        }
      }
    }
  }

  private void writeFile(TarArchiveInputStream tar, TarArchiveEntry entry, Path target)
      throws IOException {
    makeRoom(target);
    try (OutputStream out =
        Files.newOutputStream(target, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      byte[] buffer = new byte[64 * 1024];
      for (int read = tar.read(buffer); read >= 0; read = tar.read(buffer)) {
        bytes += read;
        if (bytes > MAX_BYTES) {
          throw new BadArchiveException("it unpacks to more than " + MAX_BYTES + " bytes");
        }
        out.write(buffer, 0, read);
      }
    }
    Files.setPosixFilePermissions(target, permissions(entry.getMode()));
    Files.setLastModifiedTime(target, FileTime.from(entry.getLastModifiedTime().toInstant()));
    own(target);
  }

  private Path place(String name, boolean rename) throws BadArchiveException {
    List<String> parts = parts(name);
    if (rename && !parts.isEmpty()) {
      parts = parts.subList(1, parts.size());
    }
    Path place = root;
    for (String part : parts) {
      place = place.resolve(part);
    }
    return place;
  }

  private static List<String> parts(String name) throws BadArchiveException {
    if (name.startsWith("/")) {
      throw new BadArchiveException("the entry '" + name + "' has an absolute name");
    }
    List<String> parts = new ArrayList<>();
    for (String part : name.split("/")) {
      if (part.equals("..") || part.indexOf('\0') >= 0) {
        throw new BadArchiveException("the entry '" + name + "' leads out of the archive");
      }
      if (!part.isEmpty() && !part.equals(".")) {
        parts.add(part);
      }
    }
    return parts;
  }

  /** Parents exist afterwards; what stood at the place is gone, unless it is a full directory. */
  private void makeRoom(Path target) throws IOException {
    makeDirectories(parentOf(target));
    Files.deleteIfExists(target);
  }

  private void makeDirectories(Path directory) throws IOException {
    if (!directory.startsWith(root)) {
      // The way to the destination is the user's own choice.
      List<Path> missing = new ArrayList<>();
      for (Path up = directory; up != null && !Files.exists(up); up = up.getParent()) {
        missing.add(up);
      }
      for (Path one : missing.reversed()) {
        Files.createDirectory(one);
        own(one);
      }
      return;
    }
    if (!directory.equals(root)) {
      makeDirectories(parentOf(directory));
    } else if (root.getParent() != null) {
      makeDirectories(root.getParent());
    }
    if (Files.isSymbolicLink(directory)) {
      checkInside(directory);
    } else if (!Files.isDirectory(directory)) {
      Files.createDirectory(directory);
      own(directory);
    }
  }

  private void checkInside(Path directory) throws IOException {
    if (!directory.toRealPath().startsWith(root.toRealPath())) {
      throw new BadArchiveException(
          "an entry would be written through the link '"
              + directory.getFileName()
              + "' that leads out");
    }
  }

  private void own(Path path) throws IOException {
    if (owner.other()) {
      Files.setAttribute(path, "unix:uid", owner.uid(), LinkOption.NOFOLLOW_LINKS);
      Files.setAttribute(path, "unix:gid", owner.gid(), LinkOption.NOFOLLOW_LINKS);
    }
  }

  private static Path parentOf(Path path) {
    Path parent = path.getParent();
    return parent == null ? path : parent;
  }

  private static TarArchiveInputStream open(Path archive) throws IOException {
    return new TarArchiveInputStream(
        new BufferedInputStream(Files.newInputStream(archive), 64 * 1024));
  }

  @org.jspecify.annotations.Nullable
  private static TarArchiveEntry next(TarArchiveInputStream tar) throws IOException {
    try {
      return tar.getNextEntry();
    } catch (IllegalArgumentException e) {
      throw new BadArchiveException("it is not a tar archive: " + e.getMessage());
    }
  }

  /** The nine bits of owner, group and others; never those that lend somebody's rights. */
  private static Set<PosixFilePermission> permissions(int mode) {
    Set<PosixFilePermission> set = EnumSet.noneOf(PosixFilePermission.class);
    PosixFilePermission[] inOrder = {
      PosixFilePermission.OTHERS_EXECUTE,
      PosixFilePermission.OTHERS_WRITE,
      PosixFilePermission.OTHERS_READ,
      PosixFilePermission.GROUP_EXECUTE,
      PosixFilePermission.GROUP_WRITE,
      PosixFilePermission.GROUP_READ,
      PosixFilePermission.OWNER_EXECUTE,
      PosixFilePermission.OWNER_WRITE,
      PosixFilePermission.OWNER_READ
    };
    for (int bit = 0; bit < inOrder.length; bit++) {
      if ((mode & (1 << bit)) != 0) {
        set.add(inOrder[bit]);
      }
    }
    return set;
  }
}
