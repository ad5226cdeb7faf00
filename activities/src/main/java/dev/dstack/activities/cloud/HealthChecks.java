package dev.dstack.activities.cloud;

import dev.dstack.backends.HostAgent;
import dev.dstack.db.metrics.HostCheck;
import dev.dstack.db.metrics.HostChecks;
import dev.dstack.model.agent.HostHealth;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.ids.InstanceId;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks hosts how their accelerators are, while they are watched. A host that can't say so is still
 * a host: failures here end nothing.
 */
public final class HealthChecks {
  private static final Logger LOG = LoggerFactory.getLogger(HealthChecks.class);

  private final HostChecks store;
  private final InstantSource clock;
  private final Duration every;

  public HealthChecks(HostChecks store, InstantSource clock, Duration every) {
    this.store = store;
    this.clock = clock;
    this.every = every;
  }

  /** For one watch of one host. */
  Watch watch(InstanceId instance) {
    return new Watch(instance);
  }

  final class Watch {
    private final InstanceId instance;
    private @Nullable Instant last;

    private Watch(InstanceId instance) {
      this.instance = instance;
    }

    /**
     * To be called as often as one likes, when the host has just answered.
     *
     * @return absent: it was not time to ask, or it can't say
     */
    Optional<HostHealth> look(Supplier<HostAgent> agent) {
      Instant now = clock.instant();
      // A clock that was set back must not stop the checks.
      if (last != null && !now.isBefore(last) && now.isBefore(last.plus(every))) {
        return Optional.empty();
      }
      last = now;
      try {
        Optional<HostHealth> seen = agent.get().health();
        seen.ifPresent(health -> store.write(instance, new HostCheck(now, health)));
        return seen;
      } catch (DstackException e) {
        LOG.warn("the health of instance {} is not known now: {}", instance, e.getMessage());
        return Optional.empty();
      }
    }
  }
}
