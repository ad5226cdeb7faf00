package dev.dstack.cli.attach;

import dev.dstack.cli.CliException;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.http.ApiClient;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * The private key to log in to jobs with: the one the server keeps for the user, remembered for ten
 * minutes in {@code ~/.dstack/ssh} under a name made from the token.
 */
final class UserKey {
  private static final Duration FRESH = Duration.ofMinutes(10);

  private UserKey() {}

  /**
   * @param runKey the public key that the run was submitted with
   */
  static Path find(ApiClient api, Path directory, @Nullable String runKey, Instant now) {
    Path file = directory.resolve(api.tokenHash());
    Path publicFile = directory.resolve(api.tokenHash() + ".pub");
    try {
      boolean loaded = false;
      if (!Files.exists(file)
          || !Files.exists(publicFile)
          || Files.getLastModifiedTime(file).toInstant().isBefore(now.minus(FRESH))) {
        load(api, file, publicFile);
        loaded = true;
      }
      if (!loaded && !isOf(publicFile, runKey)) {
        load(api, file, publicFile); // it may have been replaced since
      }
      // Runs that an older client of this machine submitted know its own key.
      Path legacy = directory.resolve("id_rsa");
      return !isOf(publicFile, runKey) && Files.exists(legacy) ? legacy : file;
    } catch (IOException e) {
      throw CliException.failure("The SSH key can't be kept in " + directory + ": " + e, e);
    }
  }

  private static boolean isOf(Path publicFile, @Nullable String runKey) throws IOException {
    return runKey == null || body(Files.readString(publicFile)).equals(body(runKey));
  }

  /** Type and key, without the comment. */
  private static String body(String line) {
    String[] words = line.strip().split("\\s+", 3);
    return words.length < 2 ? line.strip() : words[0] + " " + words[1];
  }

  private static void load(ApiClient api, Path file, Path publicFile) throws IOException {
    Doc user = api.post("/api/users/get_my_user");
    String secret = user.get("ssh_private_key").text();
    String known = user.get("ssh_public_key").text();
    if (secret == null || known == null) {
      throw CliException.failure(
          "The server keeps no SSH key for your user.\nPass a key of your own with --ssh-identity"
              + " to `dstack apply`, and to `dstack attach`.");
    }
    Files.createDirectories(
        directoryOf(file),
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    write(publicFile, known.strip() + "\n", "rw-r--r--");
    write(file, secret.strip() + "\n", "rw-------");
  }

  private static void write(Path file, String text, String mode) throws IOException {
    Path fresh =
        Files.createTempFile(
            directoryOf(file),
            ".key",
            ".tmp",
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    try {
      Files.write(fresh, text.getBytes(StandardCharsets.UTF_8));
      Files.setPosixFilePermissions(fresh, PosixFilePermissions.fromString(mode));
      Files.move(fresh, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(fresh);
    }
  }

  private static Path directoryOf(Path file) {
    Path parent = file.toAbsolutePath().getParent();
    return parent == null ? file : parent;
  }
}
