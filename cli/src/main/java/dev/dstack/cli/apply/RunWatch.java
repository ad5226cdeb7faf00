package dev.dstack.cli.apply;

import dev.dstack.cli.CliException;
import dev.dstack.cli.Session;
import dev.dstack.cli.apply.FollowEvent.Failed;
import dev.dstack.cli.apply.FollowEvent.ServerAway;
import dev.dstack.cli.apply.FollowEvent.Snapshot;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.http.ApiClient;
import dev.dstack.cli.http.ApiException;
import dev.dstack.cli.http.ServerUnreachableException;
import dev.dstack.cli.run.RunTable;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Asks for the state of a run until it is final, often while it changes often. */
final class RunWatch {
  private final Session session;
  private final String id;
  private final BlockingQueue<FollowEvent> events;
  private final Semaphore look = new Semaphore(0);
  private volatile boolean over;

  RunWatch(Session session, String id, BlockingQueue<FollowEvent> events) {
    this.session = session;
    this.id = id;
    this.events = events;
  }

  void start() {
    Thread.ofPlatform().daemon().name("run-state").start(this::watch);
  }

  /** Something has just been asked for: look at once. */
  void look() {
    look.release();
  }

  void end() {
    over = true;
    look.release();
  }

  private void watch() {
    Map<String, @Nullable Object> body = new LinkedHashMap<>();
    body.put("run_name", null);
    body.put("id", id);
    long awaySince = 0;
    long changed = System.nanoTime();
    String last = "";
    try (ApiClient api = session.api().another()) {
      while (!over) {
        long pause = pauseMillis(System.nanoTime() - changed);
        try {
          Doc seen = api.post(session.path("/runs/get"), body);
          String state = state(seen);
          if (!state.equals(last)) {
            last = state;
            changed = System.nanoTime();
          }
          awaySince = 0;
          events.add(new Snapshot(seen));
          if (RunTable.isFinal(seen)) {
            return;
          }
        } catch (ServerUnreachableException | ApiException e) {
          if (!isPassing(e)) {
            events.add(new Failed(e));
            return;
          }
          long now = System.nanoTime();
          awaySince = awaySince == 0 ? now : awaySince;
          events.add(new ServerAway(e, Duration.ofNanos(now - awaySince)));
          pause = 1000;
        }
        if (look.tryAcquire(pause, TimeUnit.MILLISECONDS)) {
          look.drainPermits();
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      events.add(new Failed(CliException.failure("This is a bug of the command line: " + e, e)));
    }
  }

  /** What changes often while an image is pulled is worth looking at often, too. */
  private static String state(Doc run) {
    Doc submission = run.get("jobs").last().get("job_submissions").last();
    return RunTable.status(run) + submission.get("status") + submission.get("image_pull_progress");
  }

  /**
   * A server that is away or in trouble: the run does not need it, so neither do we for a while.
   */
  static boolean isPassing(CliException e) {
    return e instanceof ServerUnreachableException
        || (e instanceof ApiException answer && answer.status() >= 500);
  }

  private static long pauseMillis(long unchangedNanos) {
    long seconds = TimeUnit.NANOSECONDS.toSeconds(unchangedNanos);
    return seconds < 3 ? 100 : seconds < 15 ? 250 : 1000;
  }
}
