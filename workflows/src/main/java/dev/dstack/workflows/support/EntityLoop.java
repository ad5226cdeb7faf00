package dev.dstack.workflows.support;

import io.temporal.workflow.Workflow;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The inbox of an entity workflow. Signal handlers and callbacks only put events in; one loop takes
 * them out, in the order of the history, and decides.
 *
 * <p>The order matters beyond tidiness: effects of a local activity may have happened although its
 * workflow task was lost. The task is then decided again, perhaps with more events behind the ones
 * it had. Taking events one by one and carrying out every command of one before the next makes the
 * second decision repeat the first, so that its effects are repeated (and dropped by receivers)
 * rather than contradicted. For the same reason a tick carries the time it was set for, not the
 * time of the clock.
 *
 * @param <E> the events of this entity
 */
public final class EntityLoop<E> {
  private static final int LONG_HISTORY = 2_000;
  private static final int IDLE_HISTORY = 200;
  private static final Duration IDLE = Duration.ofHours(1);
  private static final Duration TOLD_AGAIN = Duration.ofMinutes(1);

  private final Deque<E> inbox = new ArrayDeque<>();
  private final TreeSet<Instant> armed = new TreeSet<>();
  private final Function<Instant, E> tick;
  private final String timerSummary;
  private @Nullable Instant lastEvent;
  private @Nullable Instant lastTick;
  private int outstanding;

  /**
   * @param tick what the loop puts into the inbox when a deadline is reached
   */
  public EntityLoop(String timerSummary, Function<Instant, E> tick) {
    this.timerSummary = timerSummary;
    this.tick = tick;
  }

  /** The time of this workflow; the same in every replay. */
  public static Instant now() {
    return Instant.ofEpochMilli(Workflow.currentTimeMillis());
  }

  /** Something from outside. */
  public void put(E event) {
    lastEvent = now();
    inbox.add(event);
  }

  public boolean isEmpty() {
    return inbox.isEmpty();
  }

  /** A call is under way whose result will be an event; it would be lost by continuing as new. */
  public void callStarted() {
    outstanding++;
  }

  public void callEnded(E event) {
    outstanding--;
    inbox.add(event);
  }

  /** Waits for the next event; a tick is one. */
  public E next(@Nullable Instant deadline) {
    await(deadline);
    E event = inbox.poll();
    if (event == null) {
      throw new IllegalStateException("woken without an event");
    }
    return event;
  }

  /** Waits for events and takes what there is, up to a limit. */
  public List<E> nextBatch(@Nullable Instant deadline, int limit) {
    await(deadline);
    List<E> batch = new ArrayList<>();
    while (!inbox.isEmpty() && batch.size() < limit) {
      batch.add(inbox.removeFirst());
    }
    return batch;
  }

  /** Takes what nobody will decide about any more. */
  public List<E> rest() {
    List<E> rest = new ArrayList<>(inbox);
    inbox.clear();
    return rest;
  }

  /** Whether now is the moment to carry the state into a fresh history. */
  public boolean shouldContinueAsNew() {
    if (!inbox.isEmpty() || outstanding > 0 || !Workflow.isEveryHandlerFinished()) {
      return false;
    }
    long length = Workflow.getInfo().getHistoryLength();
    boolean idle = lastEvent != null && !now().isBefore(lastEvent.plus(IDLE));
    return Workflow.getInfo().isContinueAsNewSuggested()
        || length > LONG_HISTORY
        || (idle && length > IDLE_HISTORY);
  }

  /** Waits until the condition holds, or about as long as the limit: an armed timer will do. */
  public void awaitBriefly(Duration limit, Supplier<Boolean> condition) {
    if (condition.get()) {
      return;
    }
    arm(now().plus(limit));
    int before = armed.size();
    Workflow.await(() -> condition.get() || armed.size() < before);
  }

  private void await(@Nullable Instant deadline) {
    if (inbox.isEmpty()) {
      if (deadline != null) {
        // One that has been told before and still stands must not become a busy loop.
        boolean told = lastTick != null && !deadline.isAfter(lastTick);
        arm(told ? now().plus(TOLD_AGAIN) : deadline);
      }
      if (Workflow.getInfo().getHistoryLength() > IDLE_HISTORY) {
        Instant idleAt = lastEvent == null ? now() : lastEvent.plus(IDLE);
        arm(idleAt.isAfter(now()) ? idleAt : now().plus(IDLE));
      }
      Workflow.await(() -> !inbox.isEmpty());
    }
  }

  /** Timers are never cancelled, that would be an event more; an early one is just a tick. */
  private void arm(Instant deadline) {
    if (!armed.isEmpty() && !armed.first().isAfter(deadline)) {
      return;
    }
    Duration wait = Duration.between(now(), deadline);
    armed.add(deadline);
    Workflow.newTimer(wait.isNegative() ? Duration.ZERO : wait, Options.timer(timerSummary))
        .thenApply(
            _ -> {
              armed.remove(deadline);
              lastTick = deadline;
              inbox.add(tick.apply(deadline));
              return null;
            });
  }
}
