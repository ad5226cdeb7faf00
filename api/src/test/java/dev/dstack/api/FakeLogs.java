package dev.dstack.api;

import dev.dstack.api.log.LogReader;
import dev.dstack.model.ids.JobId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Logs in memory; a token is the number of lines before it. */
final class FakeLogs implements LogReader {
  private final Map<JobId, List<Line>> lines = new ConcurrentHashMap<>();

  synchronized void add(JobId job, Line line) {
    lines.computeIfAbsent(job, _ -> new ArrayList<>()).add(line);
    notifyAll();
  }

  @Override
  public synchronized Page read(Query query) {
    List<Line> all = lines.getOrDefault(query.job(), List.of());
    int from = query.token() == null ? 0 : Integer.parseInt(query.token());
    int to = Math.min(all.size(), from + query.limit());
    return new Page(all.subList(Math.min(from, to), to), String.valueOf(to), to < all.size());
  }

  @Override
  public synchronized void awaitMore(Query query, Duration atMost) {
    try {
      wait(Math.max(1, atMost.toMillis()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
