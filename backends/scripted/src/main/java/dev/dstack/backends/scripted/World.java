package dev.dstack.backends.scripted;

import dev.dstack.backends.InstanceTag;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.json.Json;
import dev.dstack.model.offer.Offer;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The files of one pool: {@code machines/TOKEN.json}, {@code tasks/TOKEN/JOB.json}, {@code
 * failures/KIND/TOKEN}. Each is written whole or not at all; changes are made one at a time, also
 * among processes.
 */
final class World {
  private static final Map<Path, ReentrantLock> LOCKS = new ConcurrentHashMap<>();
  private static final AtomicLong SERIAL = new AtomicLong();

  private final Path directory;
  private final ReentrantLock mutex;
  private final Map<Path, Cached> cache = new ConcurrentHashMap<>();

  private record Cached(FileTime modified, long size, Object value) {}

  /** A machine that was created. */
  record StoredMachine(
      String deployment,
      InstanceId instance,
      int attempt,
      String project,
      String name,
      Offer offer,
      Instant createdAt,
      Instant readyAt,
      @Nullable Instant lostAt) {
    InstanceTag tag() {
      return new InstanceTag(deployment, instance, attempt);
    }

    boolean isLost(Instant now) {
      return lostAt != null && !now.isBefore(lostAt);
    }
  }

  World(Path directory) {
    this.directory = directory.toAbsolutePath().normalize();
    this.mutex = LOCKS.computeIfAbsent(this.directory, ignored -> new ReentrantLock());
  }

  /** One change at a time. */
  <T> T exclusively(Callable<T> change) {
    mutex.lock();
    try {
      Files.createDirectories(directory);
      try (FileChannel file =
              FileChannel.open(
                  directory.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
          FileLock _ = file.lock()) {
        return change.call();
      }
    } catch (IOException e) {
      throw failed(e);
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException(e);
    } finally {
      mutex.unlock();
    }
  }

  // --- machines ----------------------------------------------------------------------------------

  private Path machineFile(String token) {
    return directory.resolve("machines").resolve(token + ".json");
  }

  Optional<StoredMachine> machine(InstanceTag tag) {
    return machine(tag.token());
  }

  Optional<StoredMachine> machine(String token) {
    return read(machineFile(token), StoredMachine.class);
  }

  void store(StoredMachine machine) throws IOException {
    write(machineFile(machine.tag().token()), machine);
  }

  List<StoredMachine> machines() {
    List<StoredMachine> all = new ArrayList<>();
    for (String name : names(directory.resolve("machines"))) {
      if (name.endsWith(".json")) {
        read(directory.resolve("machines").resolve(name), StoredMachine.class).ifPresent(all::add);
      }
    }
    return all;
  }

  int countMachines() {
    return names(directory.resolve("machines")).size();
  }

  void remove(InstanceTag tag) throws IOException {
    Path tasks = directory.resolve("tasks").resolve(tag.token());
    for (String name : names(tasks)) {
      delete(tasks.resolve(name));
    }
    Files.deleteIfExists(tasks);
    delete(machineFile(tag.token()));
  }

  // --- tasks -------------------------------------------------------------------------------------

  Path taskFile(InstanceTag tag, JobId id) {
    return directory.resolve("tasks").resolve(tag.token()).resolve(id + ".json");
  }

  Optional<SimulatedTask> task(InstanceTag tag, JobId id) {
    return read(taskFile(tag, id), SimulatedTask.class);
  }

  void store(InstanceTag tag, SimulatedTask task) throws IOException {
    write(taskFile(tag, task.id()), task);
  }

  void removeTask(InstanceTag tag, JobId id) throws IOException {
    delete(taskFile(tag, id));
  }

  List<SimulatedTask> tasks(InstanceTag tag) {
    Path tasks = directory.resolve("tasks").resolve(tag.token());
    List<SimulatedTask> all = new ArrayList<>();
    for (String name : names(tasks)) {
      if (name.endsWith(".json")) {
        read(tasks.resolve(name), SimulatedTask.class).ifPresent(all::add);
      }
    }
    return all;
  }

  // --- volumes -----------------------------------------------------------------------------------

  /**
   * A volume that was created.
   *
   * @param machine the token of the machine that it is attached to
   */
  record StoredVolume(String token, String region, int sizeGb, @Nullable String machine) {}

  private Path volumeFile(String token) {
    return directory.resolve("volumes").resolve(token + ".json");
  }

  Optional<StoredVolume> volume(String token) {
    return read(volumeFile(token), StoredVolume.class);
  }

  void store(StoredVolume volume) throws IOException {
    write(volumeFile(volume.token()), volume);
  }

  void removeVolume(String token) throws IOException {
    delete(volumeFile(token));
  }

  // --- failures ----------------------------------------------------------------------------------

  /** Whether this machine has met that failure, and how many others have. */
  boolean met(String kind, String token) {
    return Files.exists(directory.resolve("failures").resolve(kind).resolve(token));
  }

  int countMet(String kind) {
    return names(directory.resolve("failures").resolve(kind)).size();
  }

  void meet(String kind, String token) throws IOException {
    Path file = directory.resolve("failures").resolve(kind).resolve(token);
    Files.createDirectories(file.getParent());
    Files.createFile(file);
  }

  // --- files -------------------------------------------------------------------------------------

  /** The stored value; parsed again only when the file has changed. */
  private <T> Optional<T> read(Path file, Class<T> type) {
    try {
      FileTime modified = Files.getLastModifiedTime(file);
      long size = Files.size(file);
      Cached cached = cache.get(file);
      if (cached == null || !cached.modified().equals(modified) || cached.size() != size) {
        cached =
            new Cached(modified, size, Json.lenient().readValue(Files.readAllBytes(file), type));
        cache.put(file, cached);
      }
      return Optional.of(type.cast(cached.value()));
    } catch (NoSuchFileException e) {
      cache.remove(file);
      return Optional.empty();
    } catch (IOException e) {
      throw failed(e);
    }
  }

  private void write(Path file, Object value) throws IOException {
    Files.createDirectories(file.getParent());
    Path tmp =
        directory.resolve("tmp-" + ProcessHandle.current().pid() + "-" + SERIAL.incrementAndGet());
    try {
      Files.write(tmp, Json.lenient().writeValueAsBytes(value));
      Files.move(tmp, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(tmp);
    }
    cache.remove(file);
  }

  private void delete(Path file) throws IOException {
    Files.deleteIfExists(file);
    cache.remove(file);
  }

  private List<String> names(Path folder) {
    List<String> names = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
      for (Path file : files) {
        names.add(String.valueOf(file.getFileName()));
      }
    } catch (NoSuchFileException e) {
      return List.of();
    } catch (IOException e) {
      throw failed(e);
    }
    return names;
  }

  private DstackException failed(IOException e) {
    return new DstackException(
        ErrorKind.BACKEND_UNAVAILABLE,
        "the files of the scripted backend in " + directory + ": " + e,
        e);
  }
}
