package dev.dstack.server;

import dev.dstack.api.log.LogReader;
import dev.dstack.db.log.LogKey;
import dev.dstack.db.log.LogPage;
import dev.dstack.db.log.LogQuery;
import dev.dstack.db.log.LogStore;
import dev.dstack.model.agent.LogFrame;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Reads for the API what the workers have stored. */
final class StoredLogReader implements LogReader {
  private final LogStore logs;

  StoredLogReader(LogStore logs) {
    this.logs = logs;
  }

  @Override
  public Page read(Query query) {
    if (query.limit() == 0) {
      return new Page(List.of(), query.token(), false);
    }
    LogPage page = logs.read(key(query), logQuery(query, query.limit()));
    List<Line> lines =
        page.frames().stream()
            .map(f -> new Line(f.at(), f.source() == LogFrame.Source.STDERR, f.bytes()))
            .toList();
    return new Page(lines, page.next(), page.more());
  }

  /** A follower sees a line at most one look later. */
  @Override
  public void awaitMore(Query query, Duration atMost) {
    if (query.descending()) {
      return;
    }
    long until = System.nanoTime() + atMost.toNanos();
    try {
      while (logs.read(key(query), logQuery(query, 1)).frames().isEmpty()
          && System.nanoTime() < until) {
        Thread.sleep(logs.lookEvery());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public Optional<String> externalUrl(Query query) {
    return logs.externalUrl(key(query));
  }

  private static LogKey key(Query query) {
    return new LogKey(
        query.project(),
        query.runName(),
        query.job(),
        query.runnerLog() ? LogKey.Kind.RUNNER : LogKey.Kind.JOB);
  }

  private static LogQuery logQuery(Query query, int limit) {
    return new LogQuery(query.after(), query.before(), query.descending(), query.token(), limit);
  }
}
