package dev.dstack.embedded;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.JarURLConnection;
import java.net.URL;
import java.net.URLConnection;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermission;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Set;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.compressors.xz.XZCompressorInputStream;

/**
 * PostgreSQL's programs, unpacked once from the archive on the class path into the cache.
 *
 * @param directory named after the archive's checksum, so another version lands beside it
 */
record PostgresBinaries(Path directory, String version, String checksum) {

  Path postgres() {
    return directory.resolve("bin/postgres");
  }

  Path initdb() {
    return directory.resolve("bin/initdb");
  }

  static PostgresBinaries unpack(Path cacheDirectory, Progress progress) {
    String resource =
        switch (System.getProperty("os.arch", "").toLowerCase(Locale.ROOT)) {
          case "amd64", "x86_64" -> "postgres-linux-x86_64.txz";
          case "aarch64", "arm64" -> "postgres-linux-arm_64.txz";
          default -> "";
        };
    URL archive =
        resource.isEmpty() ? null : PostgresBinaries.class.getClassLoader().getResource(resource);
    if (archive == null) {
      throw new EmbeddedException(
          "No embedded PostgreSQL comes with this build for "
              + System.getProperty("os.name")
              + " "
              + System.getProperty("os.arch")
              + ". Set DSTACK_DATABASE_URL to a PostgreSQL of your own.");
    }
    try {
      String checksum = checksum(archive);
      Path directory = cacheDirectory.resolve("postgres").resolve(checksum);
      Path versionFile = directory.resolve("VERSION");
      if (!Files.exists(versionFile)) {
        progress.step(
            "Unpacking PostgreSQL",
            () -> {
              unpack(archive, directory);
              return directory;
            });
      }
      return new PostgresBinaries(directory, Files.readString(versionFile).strip(), checksum);
    } catch (IOException e) {
      throw new EmbeddedException(
          "Cannot unpack PostgreSQL into " + cacheDirectory + ": " + e.getMessage(), e);
    }
  }

  /** The jar's directory has a checksum of the entry: nothing needs to be read for it. */
  private static String checksum(URL archive) throws IOException {
    URLConnection connection = archive.openConnection();
    if (connection instanceof JarURLConnection jar) {
      return "%08x-%d".formatted(jar.getJarEntry().getCrc(), jar.getJarEntry().getSize());
    }
    try (InputStream in = archive.openStream()) {
      return HexFormat.of().formatHex(Digests.sha256(in)).substring(0, 16);
    }
  }

  private static void unpack(URL archive, Path directory) throws IOException {
    Files.createDirectories(directory.getParent());
    Path temporary =
        Files.createTempDirectory(directory.getParent(), directory.getFileName() + ".new-");
    try {
      try (TarArchiveInputStream tar =
          new TarArchiveInputStream(
              new XZCompressorInputStream(new BufferedInputStream(archive.openStream())))) {
        for (TarArchiveEntry entry = tar.getNextEntry();
            entry != null;
            entry = tar.getNextEntry()) {
          unpack(entry, tar, temporary);
        }
      }
      Files.writeString(temporary.resolve("VERSION"), versionOf(temporary.resolve("bin/postgres")));
      Files.setPosixFilePermissions(
          temporary, java.nio.file.attribute.PosixFilePermissions.fromString("rwxr-xr-x"));
      try {
        Files.move(temporary, directory, StandardCopyOption.ATOMIC_MOVE);
      } catch (FileAlreadyExistsException | java.nio.file.DirectoryNotEmptyException e) {
        // Another process was faster; what it made is the same.
        if (!Files.exists(directory.resolve("VERSION"))) {
          throw e;
        }
      }
    } finally {
      FileTree.delete(temporary);
    }
  }

  private static void unpack(TarArchiveEntry entry, InputStream content, Path directory)
      throws IOException {
    Path target = directory.resolve(entry.getName()).normalize();
    if (!target.startsWith(directory)) {
      throw new IOException("The archive has an entry outside of itself: " + entry.getName());
    }
    if (entry.isDirectory()) {
      Files.createDirectories(target);
    } else if (entry.isSymbolicLink()) {
      Files.createDirectories(target.getParent());
      Files.createSymbolicLink(target, Path.of(entry.getLinkName()));
    } else if (entry.isFile() && !target.toString().endsWith(".a")) {
      Files.createDirectories(target.getParent());
      Files.copy(content, target);
      Set<PosixFilePermission> permissions =
          EnumSet.of(
              PosixFilePermission.OWNER_READ,
              PosixFilePermission.OWNER_WRITE,
              PosixFilePermission.GROUP_READ,
              PosixFilePermission.OTHERS_READ);
      if ((entry.getMode() & 0100) != 0) {
        permissions.add(PosixFilePermission.OWNER_EXECUTE);
        permissions.add(PosixFilePermission.GROUP_EXECUTE);
        permissions.add(PosixFilePermission.OTHERS_EXECUTE);
      }
      Files.setPosixFilePermissions(target, permissions);
    }
  }

  private static String versionOf(Path postgres) throws IOException {
    Process process =
        new ProcessBuilder(postgres.toString(), "--version").redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      if (process.waitFor() != 0) {
        throw new IOException(
            "PostgreSQL's programs do not run on this machine: "
                + said.strip()
                + ". They need glibc and libstdc++; or set DSTACK_DATABASE_URL");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
    return said.strip().replaceFirst(".*\\s", "");
  }
}
