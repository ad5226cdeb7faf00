package dev.dstack.agent.log;

import dev.dstack.model.agent.LogFrame;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The log of one task: the raw file that the task's own pipeline appends to, and an index that cuts
 * it into frames. An entry of the index is 16 bytes, the raw end of a frame and its time in
 * microseconds; frames are put together when they are read, so nothing is written twice. What the
 * index says once never changes, so an offset means the same bytes for ever.
 *
 * <p>One thread tails; any thread may copy.
 */
public final class TaskLog implements AutoCloseable {
  private static final int ENTRY_BYTES = 16;
  private static final int BATCH_ENTRIES = 64;
  private static final byte GONE = '?';

  private final Path rawFile;
  private final Path indexFile;
  private volatile Position position;
  private long lastMicros;
  private @Nullable FileChannel raw;
  private @Nullable FileChannel index;

  private record Position(long rawEnd, long frames) {
    long frameEnd() {
      return rawEnd + LogFrame.HEADER_BYTES * frames;
    }
  }

  /**
   * What one pass found.
   *
   * @param grew there are new frames
   * @param held a line without its end waits for more
   */
  public record Pass(boolean grew, boolean held) {}

  /** Takes up where an earlier process stopped; an entry it left half-written is cut off. */
  public TaskLog(Path rawFile, Path indexFile) throws IOException {
    this.rawFile = rawFile;
    this.indexFile = indexFile;
    this.position = new Position(0, 0);
    if (Files.exists(indexFile)) {
      recover();
    }
  }

  /** Bytes of frames that can be read. */
  public long end() {
    return position.frameEnd();
  }

  private void recover() throws IOException {
    long rawSize = Files.exists(rawFile) ? Files.size(rawFile) : 0;
    try (FileChannel channel =
        FileChannel.open(indexFile, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      long entries = channel.size() / ENTRY_BYTES;
      // After the host's own death the index may be ahead of the raw file.
      while (entries > 0 && entry(channel, entries - 1).rawEnd() > rawSize) {
        entries--;
      }
      channel.truncate(entries * ENTRY_BYTES);
      if (entries > 0) {
        Entry last = entry(channel, entries - 1);
        lastMicros = last.micros();
        position = new Position(last.rawEnd(), entries);
      }
    }
  }

  /**
   * Cuts what has been written since into frames, at ends of lines where there are any.
   *
   * @param flush also cut a line that has no end yet
   */
  public Pass tail(Instant now, boolean flush) throws IOException {
    FileChannel source = raw();
    if (source == null) {
      return new Pass(false, false);
    }
    Position at = position;
    long size = source.size();
    if (size <= at.rawEnd()) {
      return new Pass(false, false);
    }
    lastMicros = Math.max(lastMicros, micros(now));
    boolean grew = false;
    boolean held = false;
    ByteBuffer batch = ByteBuffer.allocate(BATCH_ENTRIES * ENTRY_BYTES);
    byte[] chunk = new byte[(int) Math.min(LogFrame.MAX_BYTES, size - at.rawEnd())];
    long rawEnd = at.rawEnd();
    long frames = at.frames();
    while (rawEnd < size) {
      int length = (int) Math.min(chunk.length, size - rawEnd);
      readFully(source, chunk, length, rawEnd);
      int cut = lastLineEnd(chunk, length);
      if (cut == 0) {
        if (length < LogFrame.MAX_BYTES && !flush) {
          held = true;
          break;
        }
        cut = length;
      } else if (flush && rawEnd + length == size) {
        cut = length;
      }
      rawEnd += cut;
      frames++;
      batch.putLong(rawEnd).putLong(lastMicros);
      if (!batch.hasRemaining()) {
        append(batch, rawEnd, frames);
      }
      grew = true;
    }
    if (batch.position() > 0) {
      append(batch, rawEnd, frames);
    }
    return new Pass(grew, held);
  }

  private void append(ByteBuffer batch, long rawEnd, long frames) throws IOException {
    FileChannel channel = index;
    if (channel == null) {
      channel =
          FileChannel.open(
              indexFile,
              StandardOpenOption.CREATE,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE);
      index = channel;
    }
    batch.flip();
    // By position and not by append: a write that a full disk cut short is simply made again.
    long place = position.frames() * ENTRY_BYTES;
    while (batch.hasRemaining()) {
      place += channel.write(batch, place);
    }
    batch.clear();
    position = new Position(rawEnd, frames);
  }

  /** Bytes of output in so long a time before now; a clock that was set back does not count. */
  public long bytesWithin(Duration time, Instant now) throws IOException {
    Position at = position;
    if (at.frames() == 0) {
      return 0;
    }
    long limit = Math.max(micros(now), lastMicros) - time.toNanos() / 1_000;
    return at.rawEnd() - rawOffset(at, limit);
  }

  /** Where in the raw file the output of that time begins. */
  public long rawOffsetAt(Instant since) throws IOException {
    Position at = position;
    return at.frames() == 0 ? 0 : rawOffset(at, micros(since));
  }

  private long rawOffset(Position at, long limit) throws IOException {
    try (FileChannel channel = FileChannel.open(indexFile, StandardOpenOption.READ)) {
      long low = 0;
      long high = at.frames();
      while (low < high) {
        long middle = (low + high) >>> 1;
        if (entry(channel, middle).micros() < limit) {
          low = middle + 1;
        } else {
          high = middle;
        }
      }
      return low == 0 ? 0 : entry(channel, low - 1).rawEnd();
    }
  }

  /** The number of bytes that {@link #copy} would write. */
  public long available(long offset, long limit) {
    return Math.max(0, Math.min(limit, end() - offset));
  }

  /**
   * Writes exactly {@code length} bytes of frames; they must be available. Output that the task
   * itself took away, by cutting the file short or putting something else in its place, reads as
   * question marks: offsets and times stay, and whoever collects the log gets to its end.
   */
  public void copy(long offset, long length, OutputStream out) throws IOException {
    if (length <= 0) {
      return;
    }
    try (FileChannel entries = FileChannel.open(indexFile, StandardOpenOption.READ);
        FileChannel bytes = openIfThere()) {
      long frame = firstFrameEndingAfter(entries, offset);
      long rawStart = frame == 0 ? 0 : entry(entries, frame - 1).rawEnd();
      long skip = offset - (rawStart + LogFrame.HEADER_BYTES * frame);
      long left = length;
      byte[] buffer = new byte[LogFrame.HEADER_BYTES + LogFrame.MAX_BYTES];
      while (left > 0) {
        Entry entry = entry(entries, frame);
        int size = (int) (entry.rawEnd() - rawStart);
        ByteBuffer.wrap(buffer).putLong(entry.micros()).put((byte) 0).putInt(size);
        readOrFill(bytes, buffer, LogFrame.HEADER_BYTES, size, rawStart);
        int from = (int) skip;
        int count = (int) Math.min(left, LogFrame.HEADER_BYTES + size - from);
        out.write(buffer, from, count);
        left -= count;
        skip = 0;
        rawStart = entry.rawEnd();
        frame++;
      }
    }
  }

  private long firstFrameEndingAfter(FileChannel entries, long offset) throws IOException {
    long low = 0;
    long high = position.frames();
    while (low < high) {
      long middle = (low + high) >>> 1;
      long end = entry(entries, middle).rawEnd() + LogFrame.HEADER_BYTES * (middle + 1);
      if (end <= offset) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  @Override
  public void close() throws IOException {
    if (raw != null) {
      raw.close();
      raw = null;
    }
    if (index != null) {
      index.close();
      index = null;
    }
  }

  private @Nullable FileChannel raw() throws IOException {
    if (raw == null) {
      try {
        raw = openRaw();
      } catch (NoSuchFileException e) {
        return null;
      }
    }
    return raw;
  }

  /** The task itself may have put something else in the file's place, to have that read. */
  private FileChannel openRaw() throws IOException {
    if (Files.exists(rawFile, LinkOption.NOFOLLOW_LINKS)
        && !Files.isRegularFile(rawFile, LinkOption.NOFOLLOW_LINKS)) {
      throw new IOException("the log has been replaced by something that is not a file");
    }
    return FileChannel.open(rawFile, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);
  }

  private @Nullable FileChannel openIfThere() throws IOException {
    if (!Files.isRegularFile(rawFile, LinkOption.NOFOLLOW_LINKS)) {
      return null;
    }
    try {
      return openRaw();
    } catch (NoSuchFileException e) {
      return null;
    }
  }

  private record Entry(long rawEnd, long micros) {}

  private static Entry entry(FileChannel channel, long number) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(ENTRY_BYTES);
    while (buffer.hasRemaining()) {
      if (channel.read(buffer, number * ENTRY_BYTES + buffer.position()) < 0) {
        throw new IOException("the log index ends before entry " + number);
      }
    }
    buffer.flip();
    return new Entry(buffer.getLong(), buffer.getLong());
  }

  private static int lastLineEnd(byte[] chunk, int length) {
    for (int i = length; i > 0; i--) {
      if (chunk[i - 1] == '\n') {
        return i;
      }
    }
    return 0;
  }

  private static void readFully(FileChannel channel, byte[] into, int length, long at)
      throws IOException {
    if (read(channel, into, 0, length, at) < length) {
      throw new IOException("the log is shorter than it was: " + channel.size() + " bytes");
    }
  }

  private static void readOrFill(
      @Nullable FileChannel channel, byte[] into, int from, int length, long at)
      throws IOException {
    int read = channel == null ? 0 : read(channel, into, from, length, at);
    Arrays.fill(into, from + read, from + length, GONE);
  }

  /** The number of bytes there were. */
  private static int read(FileChannel channel, byte[] into, int from, int length, long at)
      throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(into, from, length);
    while (buffer.hasRemaining()) {
      if (channel.read(buffer, at + buffer.position() - from) < 0) {
        break;
      }
    }
    return buffer.position() - from;
  }

  private static long micros(Instant instant) {
    return instant.getEpochSecond() * 1_000_000 + instant.getNano() / 1_000;
  }
}
