package dev.dstack.db.log;

import dev.dstack.model.agent.LogFrame;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Logs as files: {@code <serverDir>/projects/<project>/logs/<run>/<job>/job.log}. Where several
 * servers share one database, they share this directory, too.
 */
public final class FileLogStore implements LogStore {
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]*");
  private static final int WINDOW = 256 * 1024;

  /**
   * After a power cut the end of a file may be zeros behind a sound header, so this much is copied
   * again; copying it again changes nothing where it was right.
   */
  private static final long DOUBTFUL = 1024 * 1024;

  private final Path projects;

  public FileLogStore(Path serverDir) {
    this.projects = serverDir.resolve("projects");
  }

  /** Where a person finds it. */
  public Path file(LogKey key) {
    checkName(key.project());
    checkName(key.runName());
    return projects
        .resolve(key.project())
        .resolve("logs")
        .resolve(key.runName())
        .resolve(key.job().toString())
        .resolve("job.log");
  }

  private static void checkName(String name) {
    if (!NAME.matcher(name).matches()) {
      throw new DstackException(
          ErrorKind.INVALID_SPEC, "'" + name + "' can't be the name of a directory of logs.");
    }
  }

  @Override
  public long resumeAt(LogKey key) {
    try (FileChannel channel = FileChannel.open(file(key), StandardOpenOption.READ)) {
      Frames frames = new Frames(channel, 0);
      while (frames.next() != null) {}
      return Math.max(0, frames.position() - DOUBTFUL);
    } catch (NoSuchFileException _) {
      return 0;
    } catch (IOException e) {
      throw failure("read", key, e);
    }
  }

  @Override
  public void write(LogKey key, long offset, byte[] bytes) {
    Path file = file(key);
    try {
      Files.createDirectories(file.getParent());
      try (FileChannel channel =
          FileChannel.open(file, StandardOpenOption.WRITE, StandardOpenOption.CREATE)) {
        if (offset == 0) {
          Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
        }
        if (channel.size() < offset) {
          throw new DstackException(
              ErrorKind.BUG,
              "The log "
                  + file
                  + " ends at "
                  + channel.size()
                  + ", so nothing can stand at "
                  + offset
                  + ".");
        }
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        long position = offset;
        while (buffer.hasRemaining()) {
          position += channel.write(buffer, position);
        }
      }
    } catch (IOException e) {
      throw failure("written", key, e);
    }
  }

  @Override
  public void complete(LogKey key) {
    try (FileChannel channel = FileChannel.open(file(key), StandardOpenOption.WRITE)) {
      channel.force(true);
    } catch (NoSuchFileException _) {
      // A job without output has no log.
    } catch (IOException e) {
      throw failure("written", key, e);
    }
  }

  @Override
  public LogPage read(LogKey key, LogQuery query) {
    try (FileChannel channel = FileChannel.open(file(key), StandardOpenOption.READ)) {
      return query.descending() ? backwards(channel, query) : forwards(channel, query);
    } catch (NoSuchFileException _) {
      return new LogPage(List.of(), 0, false);
    } catch (IOException e) {
      throw failure("read", key, e);
    }
  }

  private static LogPage forwards(FileChannel channel, LogQuery query) throws IOException {
    Frames frames = new Frames(channel, query.position() == null ? 0 : query.position());
    List<LogFrame> page = new ArrayList<>();
    long next = frames.position();
    for (Header frame = frames.next(); frame != null; frame = frames.next()) {
      Instant before = query.before();
      if (before != null && !frame.at().isBefore(before)) {
        return new LogPage(page, next, false);
      }
      if (isAfter(frame, query.after())) {
        if (page.size() == query.limit()) {
          return new LogPage(page, next, true);
        }
        page.add(load(channel, frame));
      }
      next = frames.position();
    }
    return new LogPage(page, next, false);
  }

  /** Frames can only be found from the front, so the last ones are remembered on the way. */
  private static LogPage backwards(FileChannel channel, LogQuery query) throws IOException {
    long end = query.position() == null ? Long.MAX_VALUE : query.position();
    Deque<Header> last = new ArrayDeque<>();
    boolean more = false;
    Frames frames = new Frames(channel, 0);
    for (Header frame = frames.next(); frame != null; frame = frames.next()) {
      Instant before = query.before();
      if (frame.offset() >= end || (before != null && !frame.at().isBefore(before))) {
        break;
      }
      if (isAfter(frame, query.after())) {
        last.addLast(frame);
        if (last.size() > query.limit()) {
          last.removeFirst();
          more = true;
        }
      }
    }
    List<LogFrame> page = new ArrayList<>();
    for (Header frame : last) {
      page.add(load(channel, frame));
    }
    Collections.reverse(page);
    return new LogPage(page, last.isEmpty() ? 0 : last.getFirst().offset(), more);
  }

  private static boolean isAfter(Header frame, @Nullable Instant after) {
    return after == null || frame.at().isAfter(after);
  }

  private static LogFrame load(FileChannel channel, Header frame) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(LogFrame.HEADER_BYTES + frame.length());
    long position = frame.offset();
    while (bytes.hasRemaining()) {
      int read = channel.read(bytes, position);
      if (read < 0) {
        throw new IOException("the log became shorter while it was read");
      }
      position += read;
    }
    return LogFrame.decode(bytes.flip()).getFirst();
  }

  private static DstackException failure(String verb, LogKey key, IOException e) {
    String message = String.valueOf(e.getMessage());
    String lower = message.toLowerCase(Locale.ROOT);
    boolean full = lower.contains("no space left") || lower.contains("quota");
    return new DstackException(
        full ? ErrorKind.DISK_FULL : ErrorKind.BUG,
        "The log of job "
            + key.job()
            + " can't be "
            + verb
            + ": "
            + (full
                ? "the disk is full. Free some space; the log goes on where it stopped"
                : message)
            + ".",
        e);
  }

  private record Header(long offset, Instant at, int length) {}

  /** Walks over the headers of whole, sound frames. */
  private static final class Frames {
    private final FileChannel channel;
    private final long size;
    private final ByteBuffer window = ByteBuffer.allocate(WINDOW).limit(0);
    private long windowAt;
    private long position;

    Frames(FileChannel channel, long position) throws IOException {
      this.channel = channel;
      this.size = channel.size();
      this.position = position;
    }

    /** The end of the last frame that was given out. */
    long position() {
      return position;
    }

    @Nullable Header next() throws IOException {
      if (position + LogFrame.HEADER_BYTES > size) {
        return null;
      }
      int index = see(position);
      if (index < 0) {
        return null;
      }
      long micros = window.getLong(index);
      int source = window.get(index + 8);
      int length = window.getInt(index + 9);
      // After a power cut a file may have zeros where nothing was written.
      boolean sound =
          micros > 0 && (source == 0 || source == 1) && length > 0 && length <= LogFrame.MAX_BYTES;
      long end = position + LogFrame.HEADER_BYTES + length;
      if (!sound || end > size) {
        return null;
      }
      Header header =
          new Header(
              position,
              Instant.ofEpochSecond(
                  Math.floorDiv(micros, 1_000_000L), Math.floorMod(micros, 1_000_000L) * 1_000),
              length);
      position = end;
      return header;
    }

    private int see(long at) throws IOException {
      if (at < windowAt || at + LogFrame.HEADER_BYTES > windowAt + window.limit()) {
        window.clear();
        windowAt = at;
        while (window.position() < LogFrame.HEADER_BYTES) {
          if (channel.read(window, windowAt + window.position()) < 0) {
            window.limit(0);
            return -1;
          }
        }
        window.flip();
      }
      return (int) (at - windowAt);
    }
  }
}
