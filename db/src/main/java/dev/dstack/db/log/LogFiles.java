package dev.dstack.db.log;

import dev.dstack.model.agent.LogFrame;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The files of one log, read as one: {@code job.log}, then {@code job.log.START-FIRST}, where START
 * is the offset of the file's first byte in the log and FIRST that of its first whole frame.
 */
final class LogFiles implements Closeable {
  private static final Pattern LATER = Pattern.compile("([0-9]{1,18})-([0-9]{1,18})");
  private static final int WINDOW = 256 * 1024;

  /**
   * @param first where the first frame begins that begins here
   */
  record Part(Path file, long start, long first) {}

  private final List<Part> parts;
  private final List<@Nullable FileChannel> channels = new ArrayList<>();
  private final long size;

  private LogFiles(List<Part> parts) throws IOException {
    this.parts = parts;
    for (int i = 0; i < parts.size(); i++) {
      channels.add(null);
    }
    Part last = parts.getLast();
    this.size = last.start() + channel(parts.size() - 1).size();
  }

  /**
   * @throws NoSuchFileException when there is no log
   */
  static LogFiles open(Path file, long partBytes) throws IOException {
    List<Part> parts = parts(file, partBytes);
    if (parts.isEmpty()) {
      throw new NoSuchFileException(file.toString());
    }
    return new LogFiles(parts);
  }

  /** In the order of their places; empty when there is no log. */
  static List<Part> parts(Path file, long partBytes) throws IOException {
    try {
      if (Files.size(file) < partBytes) {
        return List.of(new Part(file, 0, 0));
      }
    } catch (NoSuchFileException _) {
      // Its beginning may be gone already.
    }
    List<Part> parts = new ArrayList<>();
    try (DirectoryStream<Path> found =
        Files.newDirectoryStream(file.getParent(), file.getFileName() + "*")) {
      for (Path path : found) {
        String rest =
            path.getFileName().toString().substring(file.getFileName().toString().length());
        Matcher later = LATER.matcher(rest.isEmpty() ? rest : rest.substring(1));
        if (rest.isEmpty()) {
          parts.add(new Part(path, 0, 0));
        } else if (later.matches()) {
          parts.add(new Part(path, Long.parseLong(later.group(1)), Long.parseLong(later.group(2))));
        }
      }
    } catch (NoSuchFileException _) {
      return List.of();
    }
    parts.sort(Comparator.comparingLong(Part::start));
    return parts;
  }

  static Path later(Path file, long start, long first) {
    return file.resolveSibling(file.getFileName() + "." + start + "-" + first);
  }

  List<Part> parts() {
    return parts;
  }

  /** The offset behind the last byte. */
  long size() {
    return size;
  }

  /** The first frame that is still there. */
  long begin() {
    return parts.getFirst().first();
  }

  private FileChannel channel(int index) throws IOException {
    FileChannel open = channels.get(index);
    if (open == null) {
      open = FileChannel.open(parts.get(index).file(), StandardOpenOption.READ);
      channels.set(index, open);
    }
    return open;
  }

  /** As a channel's read at a position: -1 at the end. */
  int read(ByteBuffer buffer, long position) throws IOException {
    int index = parts.size() - 1;
    while (index > 0 && parts.get(index).start() > position) {
      index--;
    }
    Part part = parts.get(index);
    if (index == parts.size() - 1) {
      return channel(index).read(buffer, position - part.start());
    }
    int limit = buffer.limit();
    long left = parts.get(index + 1).start() - position;
    if (buffer.remaining() > left) {
      buffer.limit((int) (buffer.position() + left));
    }
    int read = channel(index).read(buffer, position - part.start());
    buffer.limit(limit);
    return read;
  }

  Frames frames(long from) {
    return new Frames(Math.max(from, begin()));
  }

  LogFrame load(Header frame) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(LogFrame.HEADER_BYTES + frame.length());
    long position = frame.offset();
    while (bytes.hasRemaining()) {
      int read = read(bytes, position);
      if (read < 0) {
        throw new IOException("the log became shorter while it was read");
      }
      position += read;
    }
    return LogFrame.decode(bytes.flip()).getFirst();
  }

  @Override
  public void close() throws IOException {
    for (FileChannel channel : channels) {
      if (channel != null) {
        channel.close();
      }
    }
  }

  record Header(long offset, Instant at, int length) {}

  /** Walks over the headers of whole, sound frames. */
  final class Frames {
    private final ByteBuffer window = ByteBuffer.allocate(WINDOW).limit(0);
    private long windowAt;
    private long position;

    private Frames(long position) {
      this.position = position;
    }

    /** The end of the last frame that was given out. */
    long position() {
      return position;
    }

    @Nullable Header next() throws IOException {
      Header header = peek();
      if (header == null || header.offset() + LogFrame.HEADER_BYTES + header.length() > size) {
        return null;
      }
      position = header.offset() + LogFrame.HEADER_BYTES + header.length();
      return header;
    }

    /** The frame that begins here, also when its end is not there yet. */
    @Nullable Header peek() throws IOException {
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
      return sound
          ? new Header(
              position,
              Instant.ofEpochSecond(
                  Math.floorDiv(micros, 1_000_000L), Math.floorMod(micros, 1_000_000L) * 1_000),
              length)
          : null;
    }

    private int see(long at) throws IOException {
      if (at < windowAt || at + LogFrame.HEADER_BYTES > windowAt + window.limit()) {
        window.clear();
        windowAt = at;
        while (window.position() < LogFrame.HEADER_BYTES) {
          if (read(window, windowAt + window.position()) < 0) {
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
