package dev.dstack.cli.attach;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Collection;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A file of the OpenSSH client's configuration. Whatever is not ours in it stays byte by byte; a
 * reader never sees half of a change, and several processes may change it at once.
 */
final class SshConfigFile {
  private static final Pattern HOST = Pattern.compile("\\s*Host\\s+(\\S+)\\s*");

  /** File locks are the process's; threads need one of their own. */
  private static final ReentrantLock THREADS = new ReentrantLock();

  private final Path file;

  SshConfigFile(Path file) {
    this.file = file;
  }

  /** Adds hosts with their options, in place of those of the same names. */
  void put(Map<String, Map<String, String>> hosts) throws IOException {
    change(
        text -> {
          StringBuilder changed = new StringBuilder(without(text, hosts.keySet()));
          if (!changed.isEmpty() && changed.charAt(changed.length() - 1) != '\n') {
            changed.append('\n');
          }
          hosts.forEach(
              (host, options) -> {
                changed.append("Host ").append(host).append('\n');
                options.forEach(
                    (name, value) ->
                        changed.append("    ").append(name).append(' ').append(value).append('\n'));
              });
          return changed.toString();
        });
  }

  void remove(Collection<String> hosts) throws IOException {
    change(text -> without(text, Set.copyOf(hosts)));
  }

  /** Makes this file read another one first. */
  void include(Path other, String homeForm) throws IOException {
    String line = "Include " + quoted(other.toString());
    change(
        text -> {
          boolean there =
              text.lines()
                  .map(String::strip)
                  .anyMatch(found -> found.equals(line) || found.equals("Include " + homeForm));
          return there ? text : line + "\n" + text;
        });
  }

  /** A value as this format wants it where it has a blank. */
  static String quoted(String value) {
    return value.indexOf(' ') < 0 ? value : '"' + value + '"';
  }

  /** A host's lines go from its {@code Host} to the next {@code Host} or {@code Match}. */
  static String without(String text, Collection<String> hosts) {
    StringBuilder kept = new StringBuilder();
    boolean keep = true;
    int at = 0;
    while (at < text.length()) {
      int end = text.indexOf('\n', at);
      int next = end < 0 ? text.length() : end + 1;
      String line = text.substring(at, next);
      Matcher host = HOST.matcher(line);
      if (host.matches()) {
        keep = !hosts.contains(host.group(1));
      } else if (line.strip().startsWith("Host ") || line.strip().startsWith("Match ")) {
        keep = true;
      }
      if (keep) {
        kept.append(line);
      }
      at = next;
    }
    return kept.toString();
  }

  private void change(UnaryOperator<String> edit) throws IOException {
    Path directory = file.toAbsolutePath().getParent();
    if (directory == null) {
      throw new IOException(file + " has no directory");
    }
    if (!Files.isDirectory(directory)) {
      Files.createDirectories(
          directory,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    }
    THREADS.lock();
    // The lock is not the file itself, which is replaced.
    try (FileChannel channel =
            FileChannel.open(
                directory.resolve(file.getFileName() + ".lock"),
                StandardOpenOption.CREATE,
                StandardOpenOption.WRITE);
        FileLock lock = channel.lock()) {
      if (!lock.isValid()) {
        throw new IOException(file + " can't be locked");
      }
      // A link into a directory of settings stays a link.
      Path real = Files.exists(file) ? file.toRealPath() : file;
      String text = read(real);
      String changed = edit.apply(text);
      if (!changed.equals(text)) {
        replace(real, changed);
      }
    } finally {
      THREADS.unlock();
    }
  }

  private static String read(Path real) throws IOException {
    try {
      // Every byte is a character of this set, so names in any encoding survive.
      return Files.readString(real, StandardCharsets.ISO_8859_1);
    } catch (NoSuchFileException e) {
      return "";
    }
  }

  private static void replace(Path real, String text) throws IOException {
    Set<PosixFilePermission> mode =
        Files.exists(real)
            ? Files.getPosixFilePermissions(real)
            : PosixFilePermissions.fromString("rw-------");
    Path parent = real.toAbsolutePath().getParent();
    Path fresh =
        Files.createTempFile(
            parent == null ? real.toAbsolutePath() : parent,
            ".config",
            ".tmp",
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    try {
      Files.write(fresh, text.getBytes(StandardCharsets.ISO_8859_1));
      Files.setPosixFilePermissions(fresh, mode);
      Files.move(fresh, real, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(fresh);
    }
  }
}
