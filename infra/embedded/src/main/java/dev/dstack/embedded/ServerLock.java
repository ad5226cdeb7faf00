package dev.dstack.embedded;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.Set;

/** One server per directory. The kernel drops the lock with the process, however that ends. */
final class ServerLock implements AutoCloseable {
  // Closing any channel of the file would drop this process's lock on it, so a second attempt from
  // within the process must be seen before the file is opened.
  private static final Set<Path> HELD = new HashSet<>();

  private final Path file;
  private final FileChannel channel;

  private ServerLock(Path file, FileChannel channel) {
    this.file = file;
    this.channel = channel;
  }

  static ServerLock take(Path serverDirectory) {
    synchronized (HELD) {
      try {
        FileTree.createPrivateDirectory(serverDirectory);
        Path file = serverDirectory.toRealPath().resolve("server.lock");
        if (HELD.contains(file)) {
          throw inUse(serverDirectory, Long.toString(ProcessHandle.current().pid()));
        }
        FileChannel channel =
            FileChannel.open(
                file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        FileLock lock = channel.tryLock();
        if (lock == null) {
          channel.close();
          throw inUse(serverDirectory, Files.readString(file).strip());
        }
        channel.truncate(0);
        channel.write(
            ByteBuffer.wrap(
                (ProcessHandle.current().pid() + "\n").getBytes(StandardCharsets.US_ASCII)));
        HELD.add(file);
        return new ServerLock(file, channel);
      } catch (IOException e) {
        throw new EmbeddedException(
            "Cannot use the server directory " + serverDirectory + ": " + e.getMessage(), e);
      }
    }
  }

  private static EmbeddedException inUse(Path serverDirectory, String pid) {
    return new EmbeddedException(
        "Another server (process "
            + (pid.isEmpty() ? "unknown" : pid)
            + ") uses the directory "
            + serverDirectory
            + ". Stop it, or give this one another directory with DSTACK_SERVER_DIR.");
  }

  @Override
  public void close() {
    synchronized (HELD) {
      HELD.remove(file);
      try {
        channel.close();
      } catch (IOException e) {
        throw new EmbeddedException("Cannot release " + file + ": " + e.getMessage(), e);
      }
    }
  }
}
