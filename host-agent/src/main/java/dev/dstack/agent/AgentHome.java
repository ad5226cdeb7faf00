package dev.dstack.agent;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Optional;

/**
 * The agent's directory. Its own files are for its user only; the way to the tasks can be walked by
 * everybody, because a task may run as somebody else, but not listed.
 */
public final class AgentHome implements AutoCloseable {
  private final Path directory;
  private final FileChannel lockFile;
  private final FileLock lock;

  private AgentHome(Path directory, FileChannel lockFile, FileLock lock) {
    this.directory = directory;
    this.lockFile = lockFile;
    this.lock = lock;
  }

  /** Takes the directory for this process; empty: another agent has it. */
  public static Optional<AgentHome> open(Path directory) throws IOException {
    Path home = directory.toAbsolutePath().normalize();
    Durable.directory(home, "rwx--x--x");
    Durable.directory(home.resolve("tasks"), "rwx--x--x");
    Durable.directory(home.resolve("archives"), "rwx------");
    Durable.directory(home.resolve("trash"), "rwx------");
    FileChannel file =
        FileChannel.open(home.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    FileLock lock = file.tryLock();
    if (lock == null) {
      file.close();
      return Optional.empty();
    }
    return Optional.of(new AgentHome(home, file, lock));
  }

  public Path directory() {
    return directory;
  }

  public Path tasks() {
    return directory.resolve("tasks");
  }

  public Path archives() {
    return directory.resolve("archives");
  }

  public Path trash() {
    return directory.resolve("trash");
  }

  public Path announcement() {
    return directory.resolve("agent.json");
  }

  public Path log() {
    return directory.resolve("agent.log");
  }

  /** The bearer token; made at the first start. */
  public String token() throws IOException {
    return random("token", 32);
  }

  /** Tells what belongs to this directory from what belongs to others; made at the first start. */
  public String id() throws IOException {
    return random("id", 8);
  }

  private String random(String name, int bytes) throws IOException {
    Path file = directory.resolve(name);
    if (Files.exists(file)) {
      String known = Files.readString(file).strip();
      if (!known.isEmpty()) {
        return known;
      }
    }
    byte[] random = new byte[bytes];
    new SecureRandom().nextBytes(random);
    String made = HexFormat.of().formatHex(random);
    Durable.write(file, (made + "\n").getBytes(StandardCharsets.UTF_8), "rw-------", true);
    return made;
  }

  @Override
  public void close() throws IOException {
    lock.release();
    lockFile.close();
  }
}
