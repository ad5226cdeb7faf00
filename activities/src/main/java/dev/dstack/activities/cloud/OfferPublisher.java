package dev.dstack.activities.cloud;

import dev.dstack.activities.backend.BackendRegistry;
import dev.dstack.db.Database;
import dev.dstack.db.records.ConfiguredBackends;
import dev.dstack.db.views.ViewWriter;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.json.Json;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.offer.Requirements;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Shows what each backend could provide, for plans: at the start of a worker and every few minutes.
 * Several workers doing so at once do no harm.
 */
public final class OfferPublisher implements AutoCloseable {
  /** What every machine satisfies. */
  public static final Requirements ANYTHING = Requirements.ANY;

  private static final Logger LOG = LoggerFactory.getLogger(OfferPublisher.class);

  private static final long LOOK_SECONDS = 5;
  private static final Duration SOON = Duration.ofSeconds(10);
  private static final Duration FIRST_MINUTE = Duration.ofMinutes(1);

  private final Database database;
  private final BackendRegistry backends;
  private final ViewWriter views;
  private final InstantSource clock;
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("dstack-offers").factory());

  // Of the timer's thread alone.
  private List<Map.Entry<ProjectId, BackendType>> published = List.of();
  private long publishedAt = System.nanoTime();
  private volatile boolean withoutContainers;
  private final long startedAt = System.nanoTime();

  /**
   * @param database a pool of role WORKER
   */
  public OfferPublisher(Database database, BackendRegistry backends, InstantSource clock) {
    this.database = database;
    this.backends = backends;
    this.views = new ViewWriter(database);
    this.clock = clock;
  }

  /**
   * A backend that was added or removed shows within seconds, a change of offers after the period.
   */
  public void start(Duration period) {
    timer.scheduleWithFixedDelay(() -> publishWhenDue(period), 0, LOOK_SECONDS, TimeUnit.SECONDS);
  }

  /** At once and once. */
  public void publish() {
    publish(ConfiguredBackends.all(database));
  }

  private void publishWhenDue(Duration period) {
    try {
      List<Map.Entry<ProjectId, BackendType>> configured = ConfiguredBackends.all(database);
      Duration wait = unsettled() && period.compareTo(SOON) > 0 ? SOON : period;
      boolean due = System.nanoTime() - publishedAt >= wait.toNanos();
      if (due || !configured.equals(published)) {
        publish(configured);
        published = configured;
        publishedAt = System.nanoTime();
      }
    } catch (RuntimeException e) {
      // The next look is soon; plans show what was known before.
      LOG.warn("offers can't be published now: {}", e.getMessage());
    }
  }

  /** Hosts that just started have not said what they can, and an engine may be started later. */
  private boolean unsettled() {
    return withoutContainers || System.nanoTime() - startedAt < FIRST_MINUTE.toNanos();
  }

  private void publish(List<Map.Entry<ProjectId, BackendType>> configured) {
    withoutContainers = false;
    for (Map.Entry<ProjectId, BackendType> one : configured) {
      publish(one.getKey(), one.getValue());
    }
    views.removeOffersExcept(configured);
  }

  private void publish(ProjectId project, BackendType backend) {
    try {
      List<Offer> offers = backends.get(project, backend).offers(ANYTHING);
      withoutContainers |= offers.stream().anyMatch(offer -> offer.noContainers() != null);
      views.writeOffers(
          project, backend, Json.lenient().writeValueAsString(offers), null, clock.instant());
    } catch (DstackException e) {
      LOG.warn("offers of backend {} in project {}: {}", backend, project, e.getMessage());
      views.writeOffers(project, backend, "[]", String.valueOf(e.getMessage()), clock.instant());
    }
  }

  @Override
  public void close() {
    timer.shutdownNow();
  }
}
