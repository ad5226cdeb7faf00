package dev.dstack.agent.task;

import dev.dstack.agent.Durable;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.HexFormat;
import java.util.UUID;
import java.util.regex.Pattern;

/** Uploaded archives, each under the SHA-256 of its bytes. */
public final class Archives {
  /** The largest archive that is taken. */
  public static final long MAX_BYTES = Long.getLong("dstack.agent.max-archive-bytes", 4L << 30);

  private static final Pattern HASH = Pattern.compile("[0-9a-f]{64}");

  private final Path directory;

  public Archives(Path directory) {
    this.directory = directory;
  }

  public boolean has(String hash) {
    return Files.exists(path(hash));
  }

  /** The file of an archive, whether it is there or not. */
  Path path(String hash) {
    if (!HASH.matcher(hash).matches()) {
      throw new DstackException(
          ErrorKind.INVALID_SPEC, "an archive is named by 64 lower-case hex digits of its SHA-256");
    }
    return directory.resolve(hash);
  }

  public void put(String hash, InputStream body) throws IOException {
    Path target = path(hash);
    Path tmp = directory.resolve(UUID.randomUUID() + ".tmp");
    try {
      MessageDigest digest = sha256();
      try (OutputStream out = Files.newOutputStream(tmp)) {
        byte[] buffer = new byte[64 * 1024];
        long total = 0;
        for (int read = body.read(buffer); read >= 0; read = body.read(buffer)) {
          total += read;
          if (total > MAX_BYTES) {
            throw new DstackException(
                ErrorKind.INVALID_SPEC,
                "the archive is larger than the limit of " + MAX_BYTES + " bytes");
          }
          digest.update(buffer, 0, read);
          out.write(buffer, 0, read);
        }
      }
      String actual = HexFormat.of().formatHex(digest.digest());
      if (!actual.equals(hash)) {
        throw new DstackException(
            ErrorKind.INVALID_SPEC,
            "the bytes received have the SHA-256 "
                + actual
                + ", not "
                + hash
                + "; send them again");
      }
      // Some container's user may have to read it by a mount; the directory is closed.
      Files.setPosixFilePermissions(tmp, PosixFilePermissions.fromString("rw-r--r--"));
      Files.move(tmp, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      if (Durable.isDiskFull(e)) {
        throw new DstackException(
            ErrorKind.DISK_FULL,
            "the host's disk is full: the archive could not be stored in " + directory,
            e);
      }
      throw e;
    } finally {
      Files.deleteIfExists(tmp);
    }
  }

  /** Removes what has not been used since then, and what an interrupted upload left. */
  void forget(Instant unusedSince) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
      for (Path file : files) {
        boolean partial = file.getFileName().toString().endsWith(".tmp");
        if (partial || Files.getLastModifiedTime(file).toInstant().isBefore(unusedSince)) {
          Files.deleteIfExists(file);
        }
      }
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
