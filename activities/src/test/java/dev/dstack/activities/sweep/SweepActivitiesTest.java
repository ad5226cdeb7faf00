package dev.dstack.activities.sweep;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.dstack.activities.Fixture;
import dev.dstack.activities.backend.BackendRegistry;
import dev.dstack.activities.sweep.SweepActivitiesImpl.Owners;
import dev.dstack.backends.BackendContext;
import dev.dstack.backends.BackendFactory;
import dev.dstack.backends.ComputeBackend;
import dev.dstack.backends.FoundMachine;
import dev.dstack.backends.FoundVolume;
import dev.dstack.backends.InstanceTag;
import dev.dstack.backends.Machine;
import dev.dstack.backends.MachineSpec;
import dev.dstack.backends.VolumeAttachment;
import dev.dstack.backends.VolumeInfo;
import dev.dstack.backends.VolumeOrder;
import dev.dstack.backends.VolumeRef;
import dev.dstack.backends.WithVolumeSweep;
import dev.dstack.db.records.BackendStore;
import dev.dstack.db.records.BackendStore.StoredBackend;
import dev.dstack.db.records.ConfiguredBackends;
import dev.dstack.db.records.Volumes;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.VolumeId;
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
import java.util.function.Predicate;
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
  private static final class Sky implements ComputeBackend, WithVolumeSweep {
    final Map<String, FoundMachine> machines = new LinkedHashMap<>();
    final Map<String, FoundVolume> volumes = new LinkedHashMap<>();
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
    public List<FoundVolume> volumes(String deployment, String region) {
      return volumes.values().stream().filter(one -> one.region().equals(region)).toList();
    }

    @Override
    public void endVolume(String region, String providerId) {
      volumes.remove(providerId);
    }

    @Override
    public VolumeInfo ensureVolume(VolumeOrder order) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void deleteVolume(VolumeOrder order) {
      throw new UnsupportedOperationException();
    }

    @Override
    public VolumeAttachment attachVolume(VolumeRef volume, InstanceTag machine) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void detachVolume(VolumeRef volume, InstanceTag machine, boolean force) {
      throw new UnsupportedOperationException();
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
    sweep = sweep(owned::contains, false);
  }

  private SweepActivitiesImpl sweep(Predicate<InstanceId> isOwned, boolean dryRun) {
    return new SweepActivitiesImpl(
        new BackendRegistry(
            new BackendStore(fixture.api, fixture.encryption), fixture.context(), factories()),
        () -> ConfiguredBackends.all(fixture.worker),
        new Owners(isOwned, _ -> true, new Volumes(fixture.worker, fixture.clock)::isDeleted),
        (target, orphan) -> told.add(orphan),
        fixture.clock,
        dryRun);
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
        sweep(
            _ -> {
              throw new DstackException(ErrorKind.ENGINE_DOWN, "the engine is away");
            },
            false);

    assertThatThrownBy(() -> blind.findOrphans(target())).hasMessageContaining("engine is away");
    assertThat(sky.machines).hasSize(1);
  }

  @Test
  void onlyVolumesThatWereDeletedHereAreEnded() {
    Instant old = ago(Duration.ofHours(1));
    VolumeId kept = record("kept", false);
    VolumeId deleted = record("deleted", true);
    VolumeId young = record("young", true);
    put("v-kept", kept, old);
    put("v-deleted", deleted, old);
    put("v-young", young, ago(Duration.ofMinutes(1)));
    // Such as after a database was restored from yesterday's backup.
    put("v-unknown", new VolumeId(UUID.randomUUID()), old);

    SweepNews news = sweep.endOrphans(target(), sweep.findOrphans(target()));

    assertThat(news.ended()).isEqualTo(1);
    assertThat(sky.volumes.keySet()).containsExactlyInAnyOrder("v-kept", "v-young", "v-unknown");
    assertThat(told)
        .singleElement()
        .satisfies(
            orphan -> {
              assertThat(orphan.volume()).isEqualTo(deleted);
              assertThat(orphan.instance()).isNull();
            });
  }

  private void put(String providerId, VolumeId id, Instant created) {
    sky.volumes.put(providerId, new FoundVolume(id, HERE, providerId, "data", created));
  }

  private VolumeId record(String name, boolean deleted) {
    VolumeId id = new VolumeId(UUID.randomUUID());
    new Volumes(fixture.api, fixture.clock)
        .create(id, fixture.project, fixture.user, name, "{}", "{}");
    if (deleted) {
      fixture.sql("update records.volume set deleted_at = now() where id = '" + id + "'");
    }
    return id;
  }

  @Test
  void aDryRunTellsAndEndsNothing() {
    sky.put("test", id(), ago(Duration.ofHours(1)));
    put("v-deleted", record("deleted", true), ago(Duration.ofHours(1)));
    SweepActivitiesImpl dry = sweep(owned::contains, true);

    SweepNews news = dry.endOrphans(target(), dry.findOrphans(target()));

    assertThat(news)
        .isEqualTo(new SweepNews(0, 2, "Would end machine m-0 (n-m-0), volume v-deleted (data)."));
    assertThat(sky.machines).hasSize(1);
    assertThat(sky.volumes).hasSize(1);
    assertThat(told).isEmpty();
  }

  @Test
  void anEventTellsOfEachThatWasEnded() {
    OrphanEvents events = new OrphanEvents(fixture.worker, fixture.clock);
    VolumeId volume = record("data", true);
    events.write(target(), Orphan.of(volume, "vol-1", "data"));
    events.write(target(), new Orphan(id(), 0, "i-1", "fleet-0"));

    List<String> messages =
        fixture.api.read(
            dsl ->
                dsl.fetch(
                        "select message from records.entity_event where message like '%no owner%'"
                            + " order by message")
                    .getValues(0, String.class));
    assertThat(messages)
        .containsExactly(
            "Machine i-1 in here-1 of cloud had no owner and was ended",
            "Volume vol-1 in here-1 of cloud had no owner and was ended");
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
