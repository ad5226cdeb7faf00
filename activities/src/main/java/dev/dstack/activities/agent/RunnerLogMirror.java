package dev.dstack.activities.agent;

import dev.dstack.backends.HostAgent;
import dev.dstack.db.log.LogKey;
import dev.dstack.db.log.LogStore;
import dev.dstack.model.agent.LogFrame;
import dev.dstack.model.error.DstackException;
import dev.dstack.workflows.job.AgentActivities.TaskRef;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Copies what the runner of one task says. Its lines begin with their time, so the same text always
 * makes the same frames, whoever copies it and however often.
 */
final class RunnerLogMirror {
  private static final Logger LOG = LoggerFactory.getLogger(RunnerLogMirror.class);
  private static final int PIECE = 256 * 1024;

  /** A runner has little to say; what is beyond this stays on the host. */
  private static final long MAX_BYTES = 8L * 1024 * 1024;

  /** Where even the first line has no time. */
  private static final Instant NO_TIME = Instant.EPOCH.plus(1, ChronoUnit.MICROS);

  private final LogStore store;
  private final LogKey key;
  private final TaskRef task;
  private final ByteArrayOutputStream line = new ByteArrayOutputStream();
  private @Nullable Long stored;
  private long read;
  private long made;
  private Instant last = NO_TIME;

  RunnerLogMirror(LogStore store, TaskRef task) {
    this.store = store;
    this.key = new LogKey(task.project(), task.runName(), task.job(), LogKey.Kind.RUNNER);
    this.task = task;
  }

  /** What can't be copied now comes with the next copy. */
  void copyQuietly(HostAgent agent) {
    try {
      copy(agent);
    } catch (DstackException e) {
      LOG.debug("the runner's log of job {} can't be copied now: {}", task.job(), e.getMessage());
    }
  }

  /** All of it, before its original is removed. */
  synchronized void finish(HostAgent agent) {
    copy(agent);
    if (line.size() > 0) {
      store(encode());
    }
    if (stored != null) {
      store.complete(key);
    }
  }

  private synchronized void copy(HostAgent agent) {
    try {
      copyOn(agent);
    } catch (RuntimeException e) {
      // The next copy begins again; what is stored already is written over with the same.
      line.reset();
      stored = null;
      read = 0;
      made = 0;
      last = NO_TIME;
      throw e;
    }
  }

  private void copyOn(HostAgent agent) {
    while (read < MAX_BYTES) {
      byte[] piece = agent.readRunnerLog(task.job(), read, PIECE);
      if (piece.length == 0) {
        return;
      }
      ByteArrayOutputStream frames = new ByteArrayOutputStream();
      for (byte b : piece) {
        line.write(b);
        if (b == '\n' || line.size() == LogFrame.MAX_BYTES) {
          frames.writeBytes(encode());
        }
      }
      read += piece.length;
      store(frames.toByteArray());
    }
  }

  private byte[] encode() {
    byte[] bytes = line.toByteArray();
    line.reset();
    last = time(bytes);
    return new LogFrame(last, LogFrame.Source.STDOUT, bytes).encode();
  }

  private Instant time(byte[] bytes) {
    String start = new String(bytes, 0, Math.min(bytes.length, 40), StandardCharsets.UTF_8);
    int space = start.indexOf(' ');
    try {
      return space < 20 ? last : Instant.parse(start.substring(0, space));
    } catch (DateTimeException _) {
      return last;
    }
  }

  private void store(byte[] frames) {
    if (frames.length == 0) {
      return;
    }
    Long known = stored;
    if (known == null) {
      known = store.resumeAt(key);
      stored = known;
    }
    int skip = (int) Math.max(0, Math.min(frames.length, known - made));
    if (skip < frames.length) {
      store.write(key, made + skip, Arrays.copyOfRange(frames, skip, frames.length));
    }
    made += frames.length;
  }
}
