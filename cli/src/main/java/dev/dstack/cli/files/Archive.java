package dev.dstack.cli.files;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;

/**
 * A file or directory as a tar archive in a temporary file.
 *
 * @param hash SHA-256, by which a server knows whether it has it already
 */
public record Archive(Path file, String hash) implements AutoCloseable {

  public interface Content {
    void writeTo(OutputStream out) throws IOException;
  }

  /**
   * What ignore files name is left out; a link out of the directory becomes a copy of what it
   * points to.
   */
  public static Archive of(Path root) throws IOException {
    Path name = root.getFileName();
    return of(root, name == null ? "root" : name.toString());
  }

  /** The same of what is in a directory, by names that start in it. */
  public static Archive ofContent(Path root) throws IOException {
    return of(root, "");
  }

  /** What somebody else writes, with its hash. */
  public static Archive of(Content content) throws IOException {
    MessageDigest digest = sha256();
    Path file = Files.createTempFile("dstack-files", ".tar");
    try (OutputStream out =
        new DigestOutputStream(new BufferedOutputStream(Files.newOutputStream(file)), digest)) {
      content.writeTo(out);
    } catch (IOException | RuntimeException e) {
      Files.deleteIfExists(file);
      throw e;
    }
    return new Archive(file, HexFormat.of().formatHex(digest.digest()));
  }

  private static Archive of(Path root, String name) throws IOException {
    return of(out -> new Writer(root, new TarWriter(out)).write(name));
  }

  public long size() throws IOException {
    return Files.size(file);
  }

  @Override
  public void close() throws IOException {
    Files.deleteIfExists(file);
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  private record Writer(Path root, TarWriter tar) {
    void write(String name) throws IOException {
      add(root, name, IgnoreRules.above(root));
      tar.finish();
    }

    private void add(Path path, String name, IgnoreRules rules) throws IOException {
      PosixFileAttributes attributes =
          Files.readAttributes(path, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
      if (attributes.isSymbolicLink()) {
        link(path, name);
      } else if (attributes.isDirectory()) {
        if (!name.isEmpty()) {
          tar.directory(
              name, mode(attributes), attributes.lastModifiedTime().toInstant().getEpochSecond());
        }
        IgnoreRules inner = rules.in(path);
        for (Path child : children(path)) {
          if (!inner.ignores(child, Files.isDirectory(child, LinkOption.NOFOLLOW_LINKS))) {
            add(child, (name.isEmpty() ? "" : name + "/") + child.getFileName(), inner);
          }
        }
      } else if (attributes.isRegularFile()) {
        tar.file(
            name,
            path,
            mode(attributes),
            attributes.lastModifiedTime().toInstant().getEpochSecond());
      }
      // Sockets, pipes and devices mean nothing elsewhere.
    }

    private void link(Path link, String name) throws IOException {
      Path parent = link.toAbsolutePath().getParent();
      Path directory = parent == null ? root : parent;
      Path target = directory.resolve(Files.readSymbolicLink(link)).normalize();
      if (target.startsWith(root) && !link.equals(root)) {
        long modified =
            Files.getLastModifiedTime(link, LinkOption.NOFOLLOW_LINKS).toInstant().getEpochSecond();
        tar.link(name, directory.relativize(target).toString(), modified);
        return;
      }
      if (!Files.exists(target)) {
        throw new IOException(
            "the link " + link + " points to " + target + ", which does not exist");
      }
      PosixFileAttributes attributes = Files.readAttributes(link, PosixFileAttributes.class);
      long modified = attributes.lastModifiedTime().toInstant().getEpochSecond();
      if (attributes.isRegularFile()) {
        tar.file(name, link.toRealPath(), mode(attributes), modified);
      } else if (attributes.isDirectory()) {
        // Only the directory itself: what is in it is outside of what was asked for.
        tar.directory(name, mode(attributes), modified);
      }
    }

    private static List<Path> children(Path directory) throws IOException {
      try (Stream<Path> children = Files.list(directory)) {
        return children.sorted().toList();
      }
    }

    private static int mode(PosixFileAttributes attributes) {
      int mode = 0;
      for (PosixFilePermission permission : attributes.permissions()) {
        mode |=
            switch (permission) {
              case OWNER_READ -> 0400;
              case OWNER_WRITE -> 0200;
              case OWNER_EXECUTE -> 0100;
              case GROUP_READ -> 040;
              case GROUP_WRITE -> 020;
              case GROUP_EXECUTE -> 010;
              case OTHERS_READ -> 04;
              case OTHERS_WRITE -> 02;
              case OTHERS_EXECUTE -> 01;
            };
      }
      return mode;
    }
  }
}
