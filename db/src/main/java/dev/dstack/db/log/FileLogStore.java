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
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * Logs as files, {@code projects/{project}/logs/{run}/{job submission}.log} under the server's
 * directory.
 */
public final class FileLogStore implements LogStore {
  /** What one read takes into memory at most, whatever the number of frames. */
  private static final int READ_BYTES = 1024 * 1024;

  private final Path root;

  public FileLogStore(Path serverDir) {
    this.root = serverDir.resolve("projects");
  }

  @Override
  public long length(LogKey key) {
    try {
      return Files.size(file(key));
    } catch (NoSuchFileException e) {
      return 0;
    } catch (IOException e) {
      throw failed(key, "looked at", e);
    }
  }

  @Override
  public void write(LogKey key, long offset, byte[] bytes) {
    Path file = file(key);
    try {
      Files.createDirectories(Objects.requireNonNull(file.getParent()));
      try (FileChannel channel =
          FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
        if (offset > channel.size()) {
          throw new IllegalArgumentException(
              "a gap in the log of job " + key.job() + ": " + channel.size() + " to " + offset);
        }
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        long position = offset;
        while (buffer.hasRemaining()) {
          position += channel.write(buffer, position);
        }
      }
    } catch (IOException e) {
      throw failed(key, "written", e);
    }
  }

  @Override
  public Page read(LogKey key, long offset, int maxFrames) {
    try (FileChannel channel = FileChannel.open(file(key), StandardOpenOption.READ)) {
      long size = channel.size();
      int length = (int) Math.min(READ_BYTES, Math.max(0, size - offset));
      ByteBuffer buffer = ByteBuffer.allocate(length);
      while (buffer.hasRemaining()) {
        if (channel.read(buffer, offset + buffer.position()) < 0) {
          break;
        }
      }
      buffer.flip();
      List<Entry> entries = new ArrayList<>();
      long next = offset;
      for (LogFrame frame : LogFrame.decode(buffer)) {
        if (entries.size() == maxFrames) {
          return new Page(entries, next, false);
        }
        entries.add(new Entry(next, frame));
        next += LogFrame.HEADER_BYTES + frame.bytes().length;
      }
      // A frame that is cut off at the end is still being copied.
      return new Page(entries, next, offset + length >= size);
    } catch (NoSuchFileException e) {
      return new Page(List.of(), offset, true);
    } catch (IOException e) {
      throw failed(key, "read", e);
    }
  }

  private Path file(LogKey key) {
    return root.resolve(key.project())
        .resolve("logs")
        .resolve(key.runName())
        .resolve(key.job() + ".log");
  }

  private DstackException failed(LogKey key, String what, IOException e) {
    String message = "The log of job " + key.job() + " can't be " + what + ": " + e.getMessage();
    boolean full = String.valueOf(e.getMessage()).contains("No space left");
    return new DstackException(full ? ErrorKind.DISK_FULL : ErrorKind.BUG, message, e);
  }
}
