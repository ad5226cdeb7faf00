package dev.dstack.model.agent;

import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/**
 * One piece of a task's output. A task's log is an append-only sequence of frames, and an offset is
 * a byte position in that sequence, the same on the host and in the server's copy; so a copy made
 * twice is the same copy.
 *
 * <p>Layout, big-endian: 8 bytes microseconds since the epoch, 1 byte source, 4 bytes length, then
 * the bytes.
 */
public record LogFrame(Instant at, Source source, byte[] bytes) {
  public static final int HEADER_BYTES = 13;

  /** A longer piece of output is cut into several frames. */
  public static final int MAX_BYTES = 64 * 1024;

  public enum Source {
    STDOUT(0),
    STDERR(1);

    private final byte code;

    Source(int code) {
      this.code = (byte) code;
    }

    private static Source of(int code) {
      return switch (code) {
        case 0 -> STDOUT;
        case 1 -> STDERR;
        default -> throw new IllegalArgumentException("no log source has the code " + code);
      };
    }
  }

  public byte[] encode() {
    ByteBuffer buffer = ByteBuffer.allocate(HEADER_BYTES + bytes.length);
    buffer.putLong(at.getEpochSecond() * 1_000_000 + at.getNano() / 1_000);
    buffer.put(source.code);
    buffer.putInt(bytes.length);
    buffer.put(bytes);
    return buffer.array();
  }

  /**
   * Reads whole frames; a cut one at the end is left in the buffer, which stands before it
   * afterwards.
   */
  public static List<LogFrame> decode(ByteBuffer buffer) {
    List<LogFrame> frames = new ArrayList<>();
    while (buffer.remaining() >= HEADER_BYTES) {
      int start = buffer.position();
      long micros = buffer.getLong();
      int source = buffer.get();
      int length = buffer.getInt();
      if (length < 0 || length > MAX_BYTES) {
        throw new IllegalArgumentException("not a log frame at byte " + start);
      }
      if (buffer.remaining() < length) {
        buffer.position(start);
        break;
      }
      byte[] bytes = new byte[length];
      buffer.get(bytes);
      frames.add(
          new LogFrame(
              Instant.ofEpochSecond(
                  Math.floorDiv(micros, 1_000_000L), Math.floorMod(micros, 1_000_000L) * 1_000),
              Source.of(source),
              bytes));
    }
    return frames;
  }
}
