package dev.dstack.agent.task;

import static dev.dstack.agent.runner.IoFiles.EXIT_PREFIX;
import static dev.dstack.agent.runner.IoFiles.LOGGED_PREFIX;
import static dev.dstack.agent.runner.IoFiles.PID;
import static dev.dstack.agent.runner.IoFiles.STARTED;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.OptionalInt;

/**
 * The names in a task's io directory.
 *
 * @param started somebody has the right to run the command, or the agent took it away
 * @param pid the command runs, or did
 * @param exit status of the command
 * @param logged status of the collector of output; present: every byte is in the log
 */
record Marks(boolean started, boolean pid, OptionalInt exit, OptionalInt logged) {
  /** A task may put any number of files there. */
  private static final int MOST_NAMES = 10_000;

  private static final int MOST_BYTES = 64 * 1024;

  static Marks read(Path io) throws IOException {
    boolean started = false;
    boolean pid = false;
    OptionalInt exit = OptionalInt.empty();
    OptionalInt logged = OptionalInt.empty();
    int names = 0;
    try (DirectoryStream<Path> files = Files.newDirectoryStream(io)) {
      for (Path file : files) {
        String name = String.valueOf(file.getFileName());
        if (name.equals(STARTED)) {
          started = true;
        } else if (name.equals(PID)) {
          pid = true;
        } else if (name.startsWith(EXIT_PREFIX)) {
          exit = number(name.substring(EXIT_PREFIX.length()));
        } else if (name.startsWith(LOGGED_PREFIX)) {
          logged = number(name.substring(LOGGED_PREFIX.length()));
        }
        if (++names > MOST_NAMES) {
          break;
        }
      }
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
    return new Marks(started, pid, exit, logged);
  }

  private static OptionalInt number(String text) {
    try {
      return OptionalInt.of(Integer.parseInt(text));
    } catch (NumberFormatException e) {
      return OptionalInt.empty();
    }
  }

  /** Takes the one right to start the command; false: somebody has it. */
  static boolean forbidStart(Path io) throws IOException {
    try {
      Files.createFile(io.resolve(STARTED));
      return true;
    } catch (FileAlreadyExistsException e) {
      return false;
    }
  }

  /** The moment of a file's renaming, which no program but the kernel decides. */
  static Instant changed(Path file, Instant otherwise) {
    try {
      return ((FileTime) Files.getAttribute(file, "unix:ctime", LinkOption.NOFOLLOW_LINKS))
          .toInstant();
    } catch (IOException e) {
      return otherwise;
    }
  }

  /**
   * A small file that the task may have tampered with: a link is not followed, a pipe or a device
   * not opened, and no more is read than fits.
   *
   * @throws IOException also when it is missing
   */
  static byte[] content(Path file) throws IOException {
    if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
      throw new IOException(file.getFileName() + " is not a file");
    }
    try (InputStream in = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)) {
      return in.readNBytes(MOST_BYTES);
    }
  }
}
