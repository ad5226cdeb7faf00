package dev.dstack.db.crypto;

import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.Set;

/** The key that a server makes for itself at its first start, readable by its own user only. */
public final class KeyFile {
  private KeyFile() {}

  /** Reads the key, or makes it; two processes at once end with the same one. */
  public static EncryptionKey.Aes loadOrCreate(Path file) {
    try {
      if (!Files.exists(file)) {
        create(file);
      }
      return EncryptionKey.Aes.of("server", Files.readString(file));
    } catch (IOException e) {
      throw new DstackException(
          ErrorKind.BUG, "The encryption key " + file + " can't be read or made: " + e, e);
    }
  }

  private static void create(Path file) throws IOException {
    byte[] secret = new byte[32];
    new SecureRandom().nextBytes(secret);
    Path parent = file.toAbsolutePath().getParent();
    if (parent != null) {
      Files.createDirectories(parent);
    }
    Path temporary =
        Files.createTempFile(
            parent,
            ".key",
            "",
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    try {
      Files.writeString(
          temporary,
          Base64.getEncoder().encodeToString(secret) + "\n",
          StandardOpenOption.WRITE,
          StandardOpenOption.SYNC);
      // A link, not a move: the first of two processes wins and the other reads its key.
      Files.createLink(file, temporary);
    } catch (FileAlreadyExistsException _) {
      return;
    } finally {
      Files.deleteIfExists(temporary);
    }
    assert Files.getPosixFilePermissions(file)
        .equals(Set.copyOf(PosixFilePermissions.fromString("rw-------")));
  }
}
