package dev.dstack.activities.support;

import io.temporal.activity.Activity;
import io.temporal.activity.ActivityExecutionContext;
import io.temporal.client.ActivityCompletionException;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Heartbeats for activities that wait in long calls: one thread beats for all of them every five
 * seconds, and interrupts one that is cancelled or whose worker ends.
 */
public final class Heartbeats implements AutoCloseable {
  private static final long PERIOD_SECONDS = 5;

  private final Set<Beating> active = ConcurrentHashMap.newKeySet();
  private final ScheduledExecutorService ticker =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("dstack-heartbeats").factory());

  public Heartbeats() {
    ticker.scheduleAtFixedRate(
        () -> active.forEach(Beating::tick), PERIOD_SECONDS, PERIOD_SECONDS, TimeUnit.SECONDS);
  }

  /** Starts beating for the activity that the caller is; close it before the activity returns. */
  public Beating start(Object details) {
    Beating beating =
        new Beating(Activity.getExecutionContext(), Thread.currentThread(), active, details);
    active.add(beating);
    beating.tick();
    return beating;
  }

  @Override
  public void close() {
    ticker.shutdownNow();
  }

  /** The heartbeat of one activity. */
  public static final class Beating implements AutoCloseable {
    private final ActivityExecutionContext context;
    private final Thread thread;
    private final Set<Beating> registry;
    private volatile Object details;
    private @Nullable ActivityCompletionException ended;
    private boolean closed;

    private Beating(
        ActivityExecutionContext context, Thread thread, Set<Beating> registry, Object details) {
      this.context = context;
      this.thread = thread;
      this.registry = registry;
      this.details = details;
    }

    /** What the next beat says; shown by Temporal, and there for a person. */
    public void details(Object value) {
      details = value;
    }

    /**
     * @throws ActivityCompletionException when the activity is to end: cancelled, or its worker
     *     ends
     */
    public synchronized void check() {
      if (ended != null) {
        throw ended;
      }
    }

    private synchronized void tick() {
      if (closed || ended != null) {
        return;
      }
      try {
        context.heartbeat(details);
      } catch (ActivityCompletionException e) {
        ended = e;
        thread.interrupt();
      }
    }

    @Override
    public void close() {
      registry.remove(this);
      synchronized (this) {
        closed = true;
        if (ended != null) {
          // The interrupt was for the wait, not for what the thread does next.
          Thread.interrupted();
        }
      }
    }
  }
}
