package dev.dstack.api.dispatch;

import dev.dstack.db.records.FleetRecord;
import dev.dstack.db.records.Fleets;
import dev.dstack.db.records.RunRecord;
import dev.dstack.db.records.RunSubmissions;
import dev.dstack.db.records.RunSubmissions.Stop;
import dev.dstack.db.records.RunSubmissions.Update;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Carries what the database has accepted to the workflows: new runs, stops, updates, fleets. Any
 * number of them may work on one database; a row is in one hand at a time. While Temporal is away
 * everything waits in its table.
 */
public final class RunDispatcher implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(RunDispatcher.class);

  /** How many workflows are being started at once; more only makes them wait for one another. */
  private static final int HANDS = 4;

  /** What another replica accepted and could not carry is found after this. */
  private static final Duration SCAN_INTERVAL = Duration.ofSeconds(2);

  private static final Duration PAUSE_MAX = Duration.ofSeconds(10);

  private final RunSubmissions runs;
  private final Fleets fleets;
  private final WorkflowStarter starter;
  private final Semaphore wanted = new Semaphore(0);
  private final List<Thread> threads = new ArrayList<>();
  private volatile boolean closing;

  public RunDispatcher(RunSubmissions runs, Fleets fleets, WorkflowStarter starter) {
    this.runs = runs;
    this.fleets = fleets;
    this.starter = starter;
  }

  public void start() {
    for (int i = 0; i < HANDS; i++) {
      // One of them looks into the tables by itself; the others only when they are woken.
      boolean scanning = i == 0;
      threads.add(Thread.ofPlatform().daemon().name("dispatch-" + i).start(() -> work(scanning)));
    }
  }

  /** Something was committed that a workflow has to hear of. */
  public void wake() {
    // Two: a burst soon has all hands at work, a single run two at most.
    if (wanted.availablePermits() < HANDS) {
      wanted.release(2);
    }
  }

  private void work(boolean scanning) {
    Duration pause = Duration.ZERO;
    while (!closing) {
      try {
        if (scanning) {
          boolean ignored =
              wanted.tryAcquire(SCAN_INTERVAL.plus(pause).toMillis(), TimeUnit.MILLISECONDS);
        } else {
          wanted.acquire();
        }
        drain(this::dispatchRun);
        drain(this::dispatchFleet);
        drain(this::deliverStop);
        drain(this::deliverUpdate);
        pause = Duration.ZERO;
      } catch (InterruptedException e) {
        return;
      } catch (RuntimeException e) {
        if (closing) {
          return;
        }
        if (pause.isZero()) {
          log.warn("nothing can be handed to Temporal at the moment, trying on: {}", e.toString());
        }
        pause = pause.isZero() ? Duration.ofSeconds(1) : pause.multipliedBy(2);
        pause = pause.compareTo(PAUSE_MAX) > 0 ? PAUSE_MAX : pause;
        if (!scanning) {
          // The scanning hand comes back to what this one dropped.
          pause = Duration.ZERO;
        }
      }
    }
  }

  private void drain(BooleanSupplier next) {
    while (!closing && next.getAsBoolean()) {
      // The work is in the condition.
    }
  }

  private boolean dispatchRun() {
    return runs.dispatchNext((RunRecord run) -> starter.start(run));
  }

  private boolean dispatchFleet() {
    return fleets.dispatchNext((FleetRecord fleet) -> starter.carry(fleet));
  }

  private boolean deliverStop() {
    return runs.deliverNextStop((Stop stop) -> starter.stop(stop));
  }

  private boolean deliverUpdate() {
    return runs.deliverNextUpdate((Update update) -> starter.update(update));
  }

  @Override
  public void close() {
    closing = true;
    threads.forEach(Thread::interrupt);
    for (Thread thread : threads) {
      try {
        thread.join(Duration.ofSeconds(5));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }
}
