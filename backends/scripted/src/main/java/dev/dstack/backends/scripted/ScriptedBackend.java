package dev.dstack.backends.scripted;

import dev.dstack.backends.BackendContext;
import dev.dstack.backends.ComputeBackend;
import dev.dstack.backends.FoundMachine;
import dev.dstack.backends.HostAgent;
import dev.dstack.backends.InstanceTag;
import dev.dstack.backends.Machine;
import dev.dstack.backends.MachineSpec;
import dev.dstack.backends.VolumeAttachment;
import dev.dstack.backends.VolumeInfo;
import dev.dstack.backends.VolumeOrder;
import dev.dstack.backends.VolumeRef;
import dev.dstack.backends.WithOwnAgents;
import dev.dstack.backends.WithSweep;
import dev.dstack.backends.WithVolumes;
import dev.dstack.backends.scripted.ScriptedConfig.Failure;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.offer.Availability;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.offer.Requirements;
import java.io.IOException;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/** Machines by configuration. */
final class ScriptedBackend implements ComputeBackend, WithOwnAgents, WithSweep, WithVolumes {
  /** Shared by all backends of the process: a task may be stopped through another instance. */
  private static final Waiters WAITERS = new Waiters();

  private final ScriptedConfig config;
  private final World world;
  private final InstantSource clock;

  ScriptedBackend(BackendContext context, ScriptedConfig config) {
    this.config = config;
    this.world = new World(context.serverDir().resolve("scripted").resolve(config.pool()));
    this.clock = context.clock();
  }

  @Override
  public BackendType type() {
    return BackendType.SCRIPTED;
  }

  @Override
  public List<Offer> offers(Requirements requirements) {
    boolean room = world.countMachines() < config.instances();
    return config.offers(room ? Availability.AVAILABLE : Availability.NOT_AVAILABLE).stream()
        .filter(offer -> requirements.refusal(offer).isEmpty())
        .toList();
  }

  @Override
  public Machine ensure(MachineSpec spec) {
    String token = spec.tag().token();
    World.StoredMachine machine =
        world.exclusively(
            () -> {
              Optional<World.StoredMachine> known = world.machine(spec.tag());
              if (known.isPresent()) {
                return adopt(known.get(), spec);
              }
              failPerhaps(
                  "throttled", config.failures().throttled(), token, ErrorKind.BACKEND_THROTTLED);
              noCapacity(spec, token);
              Instant now = clock.instant();
              World.StoredMachine created =
                  new World.StoredMachine(
                      spec.tag().deployment(),
                      spec.tag().instance(),
                      spec.tag().attempt(),
                      spec.project(),
                      spec.instanceName(),
                      spec.offer(),
                      now,
                      now.plus(config.createDelay()),
                      lostAt(token, now));
              world.store(created);
              failPerhaps(
                  "lost_reply",
                  config.failures().lostReply(),
                  token,
                  ErrorKind.BACKEND_UNAVAILABLE);
              return created;
            });
    return shown(machine);
  }

  private static World.StoredMachine adopt(World.StoredMachine known, MachineSpec spec) {
    boolean same =
        known.offer().instanceType().equals(spec.offer().instanceType())
            && known.offer().region().equals(spec.offer().region());
    if (!same) {
      throw new DstackException(
          ErrorKind.IDEMPOTENCY_MISMATCH,
          "the machine "
              + spec.tag().token()
              + " exists as "
              + known.offer().instanceType()
              + " in "
              + known.offer().region());
    }
    return known;
  }

  private void noCapacity(MachineSpec spec, String token) throws IOException {
    boolean exists =
        config.types().stream().anyMatch(type -> type.name().equals(spec.offer().instanceType()))
            && config.regions().contains(spec.offer().region());
    // The same question has the same answer, also later.
    boolean refusedBefore = world.met("no_capacity", token);
    if (!exists || refusedBefore || world.countMachines() >= config.instances()) {
      throw new DstackException(
          ErrorKind.NO_CAPACITY,
          "no capacity for "
              + spec.offer().instanceType()
              + " in "
              + spec.offer().region()
              + " (the pool has "
              + config.instances()
              + " machines)");
    }
    failPerhaps("no_capacity", config.failures().noCapacity(), token, ErrorKind.NO_CAPACITY);
  }

  private void failPerhaps(String kind, Failure failure, String token, ErrorKind error)
      throws IOException {
    if (meets(kind, failure, token)) {
      world.meet(kind, token);
      throw new DstackException(error, kind.replace('_', ' ') + ", as the script says");
    }
  }

  private boolean meets(String kind, Failure failure, String token) {
    if (failure.never() || world.met(kind, token)) {
      return false;
    }
    return world.countMet(kind) < failure.first() || chance(kind, token) < failure.probability();
  }

  private @Nullable Instant lostAt(String token, Instant now) throws IOException {
    if (!meets("host_lost", config.failures().hostLost(), token)) {
      return null;
    }
    world.meet("host_lost", token);
    return now.plus(config.failures().hostLostAfter());
  }

  /** The same number for the same machine, in every process. */
  private double chance(String kind, String token) {
    long mixed = config.failures().seed() * 31 + (kind + token).hashCode();
    return new Random(mixed * 0x9E3779B97F4A7C15L).nextDouble();
  }

  @Override
  public Optional<Machine> find(InstanceTag tag) {
    return world
        .machine(tag)
        .filter(machine -> !machine.isLost(clock.instant()))
        .map(ScriptedBackend::shown);
  }

  @Override
  public void terminate(InstanceTag tag) {
    world.exclusively(
        () -> {
          world.remove(tag);
          return true;
        });
  }

  @Override
  public List<String> regions() {
    return config.regions();
  }

  @Override
  public List<FoundMachine> machines(String deployment, String region) {
    return world.machines().stream()
        .filter(machine -> machine.deployment().equals(deployment))
        .filter(machine -> machine.offer().region().equals(region))
        .filter(machine -> !machine.isLost(clock.instant()))
        .map(
            machine ->
                new FoundMachine(
                    machine.tag(),
                    region,
                    machine.tag().token(),
                    machine.name(),
                    machine.createdAt()))
        .toList();
  }

  @Override
  public void end(String region, String providerId) {
    world.machines().stream()
        .map(World.StoredMachine::tag)
        .filter(tag -> tag.token().equals(providerId))
        .forEach(this::terminate);
  }

  @Override
  public HostAgent agentOf(InstanceTag tag) {
    World.StoredMachine machine = running(tag.token()).orElseThrow(() -> lost(tag));
    return new SimulatedAgent(world, machine.tag(), config.job(), clock, WAITERS);
  }

  private Optional<World.StoredMachine> running(String token) {
    return world.machine(token).filter(found -> !found.isLost(clock.instant()));
  }

  private static DstackException lost(InstanceTag tag) {
    return new DstackException(ErrorKind.HOST_LOST, "there is no machine " + tag.token());
  }

  @Override
  public VolumeInfo ensureVolume(VolumeOrder order) {
    if (order.existing() != null || order.sizeGb() == null) {
      throw new DstackException(
          ErrorKind.INVALID_SPEC, "volume_id: a scripted volume is made, with a `size`");
    }
    if (!config.regions().contains(order.region())) {
      throw new DstackException(
          ErrorKind.INVALID_SPEC,
          "region: the scripted backend has " + config.regions() + ", not " + order.region());
    }
    int size = order.sizeGb();
    return world.exclusively(
        () -> {
          World.StoredVolume volume =
              world
                  .volume(order.token())
                  .orElseGet(
                      () -> new World.StoredVolume(order.token(), order.region(), size, null));
          world.store(volume);
          return new VolumeInfo(volume.token(), volume.sizeGb(), null, 0, false);
        });
  }

  @Override
  public void deleteVolume(VolumeOrder order) {
    world.exclusively(
        () -> {
          world.removeVolume(order.token());
          return true;
        });
  }

  /** As in a cloud, a volume is on one machine at a time; one that is gone does not hold it. */
  @Override
  public VolumeAttachment attachVolume(VolumeRef ref, InstanceTag machine) {
    return world.exclusively(
        () -> {
          World.StoredVolume volume =
              world
                  .volume(ref.volumeId())
                  .orElseThrow(
                      () ->
                          new DstackException(
                              ErrorKind.NOT_FOUND, "there is no volume " + ref.volumeId()));
          String holder = volume.machine();
          if (running(machine.token()).isEmpty()) {
            throw lost(machine);
          }
          if (holder != null && !holder.equals(machine.token()) && running(holder).isPresent()) {
            throw new DstackException(
                ErrorKind.INVALID_SPEC, "volume " + ref.name() + " is attached to " + holder);
          }
          world.store(
              new World.StoredVolume(
                  volume.token(), volume.region(), volume.sizeGb(), machine.token()));
          return new VolumeAttachment("/dev/sdf", null);
        });
  }

  @Override
  public void detachVolume(VolumeRef ref, InstanceTag machine, boolean force) {
    world.exclusively(
        () -> {
          Optional<World.StoredVolume> volume = world.volume(ref.volumeId());
          if (volume.isPresent() && machine.token().equals(volume.get().machine())) {
            World.StoredVolume known = volume.get();
            world.store(
                new World.StoredVolume(known.token(), known.region(), known.sizeGb(), null));
          }
          return true;
        });
  }

  /** Without an address: its agent is {@link #agentOf}, which says itself when it is not ready. */
  private static Machine shown(World.StoredMachine machine) {
    return new Machine(machine.tag(), machine.tag().token(), machine.offer(), machine.name(), null);
  }
}
