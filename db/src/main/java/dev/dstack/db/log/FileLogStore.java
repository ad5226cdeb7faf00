package dev.dstack.db.log;

import dev.dstack.db.log.LogFiles.Frames;
import dev.dstack.db.log.LogFiles.Header;
import dev.dstack.db.log.LogFiles.Part;
import dev.dstack.model.agent.LogFrame;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.JobId;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Logs as files: {@code <serverDir>/projects/<project>/logs/<run>/<job>/job.log}, and {@code
 * runner.log} beside it; a long one goes on in further files. Where several servers share one
 * database, they share this directory, too.
 */
public final class FileLogStore implements LogStore {
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]*");
  private static final Pattern POSITION = Pattern.compile("[0-9]{1,18}");
  private static final long PART_BYTES = 64L * 1024 * 1024;
  private static final Duration LOOK_EVERY = Duration.ofMillis(25);
  private static final int BATCH = 1_000;

  /**
   * After a power cut the end of a file may be zeros behind a sound header, so this much is copied
   * again; copying it again changes nothing where it was right.
   */
  private static final long DOUBTFUL = 1024 * 1024;

  private final Path projects;
  private final long partBytes;
  private final long keepBytes;

  /**
   * @param keepBytes of one log at least, from its end; what is before that is dropped file by
   *     file. 0: everything
   */
  public FileLogStore(Path serverDir, long keepBytes) {
    this(serverDir, PART_BYTES, keepBytes);
  }

  FileLogStore(Path serverDir, long partBytes, long keepBytes) {
    this.projects = serverDir.resolve("projects");
    this.partBytes = partBytes;
    this.keepBytes = keepBytes;
  }

  /** Where a person finds it. */
  public Path file(LogKey key) {
    return directory(key).resolve(key.kind().word() + ".log");
  }

  private Path directory(LogKey key) {
    checkName(key.project());
    checkName(key.runName());
    return projects
        .resolve(key.project())
        .resolve("logs")
        .resolve(key.runName())
        .resolve(key.job().toString());
  }

  private static void checkName(String name) {
    if (!NAME.matcher(name).matches()) {
      throw new DstackException(
          ErrorKind.INVALID_SPEC, "'" + name + "' can't be the name of a directory of logs.");
    }
  }

  @Override
  public long resumeAt(LogKey key) {
    try (LogFiles files = LogFiles.open(file(key), partBytes)) {
      Part last = files.parts().getLast();
      long sound = last.start();
      if (files.size() >= last.first()) {
        Frames frames = files.frames(last.first());
        while (frames.next() != null) {}
        sound = frames.position();
      }
      return Math.max(files.parts().getFirst().start(), sound - DOUBTFUL);
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
      List<Part> parts = LogFiles.parts(file, partBytes);
      if (parts.isEmpty()) {
        Files.createDirectories(file.getParent());
        parts = List.of(new Part(file, 0, 0));
      }
      ByteBuffer buffer = ByteBuffer.wrap(bytes);
      // What was dropped is not written again.
      long position = Math.max(offset, parts.getFirst().start());
      buffer.position((int) Math.min(bytes.length, position - offset));
      long end = offset + bytes.length;
      for (int i = 0; i < parts.size(); i++) {
        boolean last = i == parts.size() - 1;
        long partEnd = last ? Long.MAX_VALUE : parts.get(i + 1).start();
        if (position < partEnd && (position < end || last)) {
          buffer.limit((int) (Math.min(end, partEnd) - offset));
          write(parts.get(i), position, buffer);
          position = offset + buffer.position();
        }
      }
      if (position - parts.getLast().start() >= partBytes) {
        beginNext(file, parts);
      }
    } catch (IOException e) {
      throw failure("written", key, e);
    }
  }

  private static void write(Part part, long at, ByteBuffer buffer) throws IOException {
    try (FileChannel channel =
        FileChannel.open(part.file(), StandardOpenOption.WRITE, StandardOpenOption.CREATE)) {
      long position = at - part.start();
      if (position == 0) {
        Files.setPosixFilePermissions(part.file(), PosixFilePermissions.fromString("rw-------"));
      }
      if (channel.size() < position) {
        throw new DstackException(
            ErrorKind.BUG,
            "The log "
                + part.file()
                + " ends at "
                + (part.start() + channel.size())
                + ", so nothing can stand at "
                + at
                + ".");
      }
      while (buffer.hasRemaining()) {
        position += channel.write(buffer, position);
      }
    }
  }

  /** The next file begins where this one ends, once it is known where its first frame begins. */
  private void beginNext(Path file, List<Part> parts) throws IOException {
    Part last = parts.getLast();
    long first;
    long end;
    try (LogFiles files = LogFiles.open(file, partBytes)) {
      end = files.size();
      Frames frames = files.frames(last.first());
      while (frames.next() != null) {}
      Header cut = frames.peek();
      if (cut == null && frames.position() != end) {
        // Its header is not whole: with the next piece, then.
        return;
      }
      first = cut == null ? end : cut.offset() + LogFrame.HEADER_BYTES + cut.length();
    }
    // Only the last file of a log may be less than what its place says, after a power cut.
    try (FileChannel channel = FileChannel.open(last.file(), StandardOpenOption.WRITE)) {
      channel.force(true);
    }
    write(new Part(LogFiles.later(file, end, first), end, first), end, ByteBuffer.allocate(0));
    if (keepBytes > 0) {
      for (int i = 0; i + 1 < parts.size() && end - parts.get(i + 1).start() >= keepBytes; i++) {
        Files.deleteIfExists(parts.get(i).file());
      }
    }
  }

  @Override
  public void complete(LogKey key) {
    try {
      List<Part> parts = LogFiles.parts(file(key), partBytes);
      if (parts.isEmpty()) {
        // A job without output has no log.
        return;
      }
      try (FileChannel channel =
          FileChannel.open(parts.getLast().file(), StandardOpenOption.WRITE)) {
        channel.force(true);
      }
    } catch (IOException e) {
      throw failure("written", key, e);
    }
  }

  @Override
  public LogPage read(LogKey key, LogQuery query) {
    String token = query.position();
    Long position = token != null && POSITION.matcher(token).matches() ? Long.valueOf(token) : null;
    try (LogFiles files = LogFiles.open(file(key), partBytes)) {
      return query.descending()
          ? backwards(files, query, position == null ? Long.MAX_VALUE : position)
          : forwards(files, query, position);
    } catch (NoSuchFileException _) {
      return new LogPage(List.of(), null, false);
    } catch (IOException e) {
      throw failure("read", key, e);
    }
  }

  private static LogPage forwards(LogFiles files, LogQuery query, @Nullable Long position)
      throws IOException {
    Frames frames = files.frames(position == null ? begin(files, query.after()) : position);
    List<LogFrame> page = new ArrayList<>();
    long next = frames.position();
    boolean more = false;
    for (Header frame = frames.next(); frame != null; frame = frames.next()) {
      Instant before = query.before();
      if (before != null && !frame.at().isBefore(before)) {
        break;
      }
      if (isAfter(frame, query.after())) {
        if (page.size() == query.limit()) {
          more = true;
          break;
        }
        page.add(files.load(frame));
      }
      next = frames.position();
    }
    return new LogPage(page, next == 0 ? null : Long.toString(next), more);
  }

  /** Files that end before the time asked for are passed over. */
  private static long begin(LogFiles files, @Nullable Instant after) throws IOException {
    if (after != null) {
      for (Part part : files.parts().reversed()) {
        Header first = files.frames(part.first()).peek();
        if (first != null && !first.at().isAfter(after)) {
          return part.first();
        }
      }
    }
    return files.begin();
  }

  /** In a file frames can only be found from the front, so the last ones are remembered. */
  private static LogPage backwards(LogFiles files, LogQuery query, long end) throws IOException {
    Deque<Header> last = new ArrayDeque<>();
    List<Part> parts = files.parts();
    boolean more = false;
    long stop = end;
    for (int i = parts.size() - 1; i >= 0 && !more; i--) {
      Deque<Header> ofPart = new ArrayDeque<>();
      Frames frames = files.frames(parts.get(i).first());
      for (Header frame = frames.next(); frame != null; frame = frames.next()) {
        Instant before = query.before();
        if (frame.offset() >= stop || (before != null && frame.at().isAfter(before))) {
          break;
        }
        if (isAfter(frame, query.after())) {
          ofPart.addLast(frame);
          if (last.size() + ofPart.size() > query.limit()) {
            ofPart.removeFirst();
            more = true;
          }
        }
      }
      ofPart.reversed().forEach(last::addFirst);
      stop = Math.min(stop, parts.get(i).first());
    }
    List<LogFrame> page = new ArrayList<>();
    for (Header frame : last) {
      page.add(files.load(frame));
    }
    Collections.reverse(page);
    return new LogPage(page, last.isEmpty() ? null : Long.toString(last.getFirst().offset()), more);
  }

  private static boolean isAfter(Header frame, @Nullable Instant after) {
    return after == null || frame.at().isAfter(after);
  }

  @Override
  public Duration lookEvery() {
    return LOOK_EVERY;
  }

  @Override
  public Optional<String> externalUrl(LogKey key) {
    return Optional.empty();
  }

  @Override
  public void stored(Consumer<List<Stored>> batches) {
    List<Stored> batch = new ArrayList<>();
    try {
      for (Path project : children(projects)) {
        for (Path run : children(project.resolve("logs"))) {
          for (Path job : children(run)) {
            Stored stored = stored(project, run, job);
            if (stored != null) {
              batch.add(stored);
            }
            if (batch.size() == BATCH) {
              batches.accept(List.copyOf(batch));
              batch.clear();
            }
          }
        }
      }
    } catch (IOException e) {
      throw new DstackException(
          ErrorKind.BUG, "The logs below " + projects + " can't be listed: " + e, e);
    }
    if (!batch.isEmpty()) {
      batches.accept(batch);
    }
  }

  private static @Nullable Stored stored(Path project, Path run, Path job) throws IOException {
    JobId id;
    try {
      id = new JobId(UUID.fromString(job.getFileName().toString()));
    } catch (IllegalArgumentException _) {
      // Not ours.
      return null;
    }
    Instant last = Instant.EPOCH;
    for (Path file : children(job)) {
      Instant modified = Files.getLastModifiedTime(file).toInstant();
      last = modified.isAfter(last) ? modified : last;
    }
    return new Stored(
        new LogKey(project.getFileName().toString(), run.getFileName().toString(), id), last);
  }

  @Override
  public void delete(LogKey key) {
    Path directory = directory(key);
    try {
      for (Path file : children(directory)) {
        Files.deleteIfExists(file);
      }
      Files.deleteIfExists(directory);
      // The last job of a run takes the run's directory with it.
      Files.deleteIfExists(directory.getParent());
    } catch (DirectoryNotEmptyException _) {
      // Others are there, or somebody has just written.
    } catch (IOException e) {
      throw failure("deleted", key, e);
    }
  }

  private static List<Path> children(Path directory) throws IOException {
    List<Path> children = new ArrayList<>();
    try (DirectoryStream<Path> found = Files.newDirectoryStream(directory)) {
      found.forEach(children::add);
    } catch (NoSuchFileException | NotDirectoryException _) {
      return List.of();
    }
    return children;
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
}
