package dev.dstack.activities.sweep;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.dstack.activities.Fixture;
import dev.dstack.activities.backend.BackendRegistry;
import dev.dstack.backends.BackendContext;
import dev.dstack.backends.BackendFactory;
import dev.dstack.backends.ComputeBackend;
import dev.dstack.backends.FoundMachine;
import dev.dstack.backends.InstanceTag;
import dev.dstack.backends.Machine;
import dev.dstack.backends.MachineSpec;
import dev.dstack.backends.WithSweep;
import dev.dstack.db.records.BackendStore;
import dev.dstack.db.records.BackendStore.StoredBackend;
import dev.dstack.db.records.ConfiguredBackends;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.json.Json;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.offer.Requirements;
import dev.dstack.workflows.sweep.Orphan;
import dev.dstack.workflows.sweep.SweepNews;
import dev.dstack.workflows.sweep.SweepTarget;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class SweepActivitiesTest {
  private static final BackendType TYPE = new BackendType("cloud");
  private static final String HERE = "here-1";

  private final Sky sky = new Sky();
  private final Set<InstanceId> owned = new HashSet<>();
  private final List<Orphan> told = new ArrayList<>();
  private Fixture fixture;
  private SweepActivitiesImpl sweep;

  /** A cloud with whatever anybody has put into it. */
  private static final class Sky implements ComputeBackend, WithSweep {
    final Map<String, FoundMachine> machines = new LinkedHashMap<>();
    int refuseEnds;

    void put(String deployment, InstanceId instance, Instant created) {
      String id = "m-" + machines.size();
      machines.put(
          id,
          new FoundMachine(new InstanceTag(deployment, instance, 0), HERE, id, "n-" + id, created));
    }

    @Override
    public BackendType type() {
      return TYPE;
    }

    @Override
    public List<Offer> offers(Requirements requirements) {
      return List.of();
    }

    @Override
    public Machine ensure(MachineSpec spec) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Optional<Machine> find(InstanceTag tag) {
      return Optional.empty();
    }

    @Override
    public void terminate(InstanceTag tag) {
      throw new UnsupportedOperationException();
    }

    @Override
    public List<String> regions() {
      return List.of(HERE, "there-1");
    }

    /** A careless cloud: it shows foreign machines, too. */
    @Override
    public List<FoundMachine> machines(String deployment, String region) {
      return machines.values().stream().filter(one -> one.region().equals(region)).toList();
    }

    @Override
    public void end(String region, String providerId) {
      if (refuseEnds-- > 0) {
        throw new DstackException(ErrorKind.BACKEND_THROTTLED, "too fast");
      }
      machines.remove(providerId);
    }
  }

  @BeforeEach
  void open() {
    fixture = new Fixture();
    BackendStore store = new BackendStore(fixture.api, fixture.encryption);
    store.create(
        fixture.project,
        new StoredBackend(
            TYPE.name(),
            Json.lenient().createObjectNode().put("type", TYPE.name()),
            null,
            BackendStore.Source.API),
        fixture.clock.instant());
    sweep =
        new SweepActivitiesImpl(
            new BackendRegistry(store, fixture.context(), factories()),
            () -> ConfiguredBackends.all(fixture.worker),
            owned::contains,
            _ -> true,
            (target, orphan) -> told.add(orphan),
            fixture.clock);
  }

  @AfterEach
  void close() {
    fixture.close();
  }

  private SweepTarget target() {
    return new SweepTarget(fixture.project, TYPE, HERE);
  }

  private Instant ago(Duration time) {
    return fixture.clock.instant().minus(time);
  }

  private static InstanceId id() {
    return new InstanceId(UUID.randomUUID());
  }

  @Test
  void aHundredOrphansOfAHundredEndAndAHundredForeignMachinesStay() {
    Set<String> stay = new HashSet<>();
    for (int i = 0; i < 100; i++) {
      sky.put("test", id(), ago(Duration.ofHours(1)));
      sky.put("another", id(), ago(Duration.ofHours(1)));
      InstanceId ours = id();
      owned.add(ours);
      sky.put("test", ours, ago(Duration.ofHours(1)));
      // Being made: its workflow may not be seen yet.
      sky.put("test", id(), ago(Duration.ofMinutes(1)));
    }
    sky.machines.values().stream()
        .filter(
            one ->
                !one.tag().deployment().equals("test")
                    || owned.contains(one.tag().instance())
                    || one.createdAt().isAfter(ago(Duration.ofMinutes(5))))
        .forEach(one -> stay.add(one.providerId()));
    assertThat(stay).hasSize(300);
    sky.refuseEnds = 3;

    int passes = 0;
    SweepNews news;
    do {
      news = sweep.endOrphans(target(), sweep.findOrphans(target()));
      assertThat(news.ended()).isLessThanOrEqualTo(SweepActivitiesImpl.ENDED_AT_ONCE);
      passes++;
    } while (news.left() > 0 && passes < 20);

    assertThat(sky.machines.keySet()).isEqualTo(stay);
    assertThat(told).hasSize(100);
    assertThat(passes).isLessThanOrEqualTo(6);
    assertThat(sweep.findOrphans(target())).isEmpty();
  }

  @Test
  void whoIsOwnedAtTheSecondLookStays() {
    InstanceId late = id();
    sky.put("test", late, ago(Duration.ofHours(1)));
    List<Orphan> suspected = sweep.findOrphans(target());
    assertThat(suspected).hasSize(1);
    owned.add(late);

    assertThat(sweep.endOrphans(target(), suspected).ended()).isZero();
    assertThat(sky.machines).hasSize(1);
  }

  @Test
  void nothingEndsWhereTheOwnersAreNotKnown() {
    sky.put("test", id(), ago(Duration.ofHours(1)));
    SweepActivitiesImpl blind =
        new SweepActivitiesImpl(
            new BackendRegistry(
                new BackendStore(fixture.api, fixture.encryption), fixture.context(), factories()),
            List::of,
            _ -> {
              throw new DstackException(ErrorKind.ENGINE_DOWN, "the engine is away");
            },
            _ -> true,
            (target, orphan) -> told.add(orphan),
            fixture.clock);

    assertThatThrownBy(() -> blind.findOrphans(target())).hasMessageContaining("engine is away");
    assertThat(sky.machines).hasSize(1);
  }

  private TreeMap<BackendType, BackendFactory> factories() {
    TreeMap<BackendType, BackendFactory> factories =
        new TreeMap<>(Comparator.comparing(BackendType::name));
    factories.put(
        TYPE,
        new BackendFactory() {
          @Override
          public BackendType type() {
            return TYPE;
          }

          @Override
          public ComputeBackend create(BackendContext context, Map<String, Object> config) {
            return sky;
          }
        });
    return factories;
  }

  @Test
  void everyRegionOfEveryConfiguredBackendIsLookedInto() {
    assertThat(sweep.sweepTargets())
        .containsExactly(target(), new SweepTarget(fixture.project, TYPE, "there-1"));
  }
}
