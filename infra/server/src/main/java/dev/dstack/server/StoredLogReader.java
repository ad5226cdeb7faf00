package dev.dstack.server;

import dev.dstack.api.log.LogReader;
import dev.dstack.db.log.LogKey;
import dev.dstack.db.log.LogPage;
import dev.dstack.db.log.LogQuery;
import dev.dstack.db.log.LogStore;
import dev.dstack.model.agent.LogFrame;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Reads for the API what the workers have stored. */
final class StoredLogReader implements LogReader {
  /** A follower sees a line at most this much later; a look costs one stat of a file. */
  private static final Duration LOOK_INTERVAL = Duration.ofMillis(25);

  private final LogStore logs;

  StoredLogReader(LogStore logs) {
    this.logs = logs;
  }

  @Override
  public Page read(Query query) {
    if (query.runnerLog()) {
      // Host processes have no runner of their own; what the agent has to say is in the job's
      // reasons.
      return new Page(List.of(), null, false);
    }
    LogPage page = logs.read(key(query), logQuery(query, query.limit()));
    List<Line> lines =
        page.frames().stream()
            .map(f -> new Line(f.at(), f.source() == LogFrame.Source.STDERR, f.bytes()))
            .toList();
    @Nullable String end = page.next() == 0 && lines.isEmpty() ? null : Long.toString(page.next());
    return new Page(lines, end, page.more());
  }

  @Override
  public void awaitMore(Query query, Duration atMost) {
    if (query.runnerLog() || query.descending()) {
      return;
    }
    long until = System.nanoTime() + atMost.toNanos();
    try {
      while (logs.read(key(query), logQuery(query, 1)).frames().isEmpty()
          && System.nanoTime() < until) {
        Thread.sleep(LOOK_INTERVAL);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static LogKey key(Query query) {
    return new LogKey(query.project(), query.runName(), query.job());
  }

  private static LogQuery logQuery(Query query, int limit) {
    return new LogQuery(
        query.after(), query.before(), query.descending(), position(query.token()), limit);
  }

  /** A token that no page of ours had means the beginning. */
  private static @Nullable Long position(@Nullable String token) {
    if (token == null) {
      return null;
    }
    try {
      long position = Long.parseLong(token);
      return position < 0 ? null : position;
    } catch (NumberFormatException e) {
      return null;
    }
  }
}
