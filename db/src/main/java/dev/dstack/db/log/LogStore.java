package dev.dstack.db.log;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Keeps copies of logs. A log is a sequence of {@link dev.dstack.model.agent.LogFrame}s; the writer
 * gives bytes of it at the offset they have in the original, in pieces that need not be whole
 * frames. So writing twice, overlapping, and going on after a crash all lead to the same copy.
 */
public interface LogStore extends AutoCloseable {
  /**
   * From which offset a copy has to go on: everything before it is there and sound. A cut or
   * damaged end counts as not there.
   */
  long resumeAt(LogKey key);

  /**
   * @param bytes the original's bytes from this offset on; never beyond a gap
   * @throws dev.dstack.model.error.DstackException of a kind that may be tried again: nothing is
   *     lost, write it again later
   */
  void write(LogKey key, long offset, byte[] bytes);

  /** Makes the copy durable: its original may be removed after this. */
  void complete(LogKey key);

  /** A log that does not exist is empty. A frame that is still being written is not seen. */
  LogPage read(LogKey key, LogQuery query);

  /** How often a follower looks for more; what a look costs decides it. */
  Duration lookEvery();

  /** Where a person can see the log at its provider. */
  Optional<String> externalUrl(LogKey key);

  /** The logs of a job that are kept, and when the last of it was written. */
  record Stored(LogKey key, Instant writtenAt) {}

  /** Shows all jobs whose logs are kept, in batches of at most a thousand. */
  void stored(Consumer<List<Stored>> batches);

  /** Forgets all logs of a job; what is not there is success. */
  void delete(LogKey key);

  @Override
  default void close() {}
}
