package dev.dstack.workflows.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.NamedIds;
import dev.dstack.model.ids.VolumeId;
import dev.dstack.model.ids.WorkflowIds;
import dev.dstack.model.offer.BackendType;
import dev.dstack.workflows.fleet.Placement;
import dev.dstack.workflows.job.JobActor;
import dev.dstack.workflows.view.VolumeView;
import dev.dstack.workflows.volume.AttachRequest;
import dev.dstack.workflows.volume.VolumeActor;
import dev.dstack.workflows.volume.VolumeAnswer;
import dev.dstack.workflows.volume.VolumeCloudActivities.Made;
import dev.dstack.workflows.volume.VolumeCloudActivities.Mounted;
import dev.dstack.workflows.volume.VolumeInput;
import dev.dstack.workflows.volume.VolumePlan;
import dev.dstack.workflows.world.Stage;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The volumes of a {@link Simulation}: their workflows' deciders, the cloud that has them, and the
 * calls by which jobs ask for them and let them go.
 */
final class SimulatedVolumes implements VolumeActor.World {
  private static final Duration MOMENT = Duration.ofMillis(50);
  private static final Duration ASK_AGAIN = Duration.ofSeconds(4);
  private static final int NAMES = 3;

  /** As the cloud knows it. */
  private static final class Stored {
    @Nullable InstanceId on;
  }

  private final Simulation world;
  private final Random random;
  private final Timeline time;
  private final boolean byThemselves;
  private final Map<String, VolumeActor> volumes = new LinkedHashMap<>();
  private final Map<VolumeId, Stored> stored = new HashMap<>();
  private final Map<String, Runnable> calls = new HashMap<>();
  private final Map<JobId, Asking> asking = new HashMap<>();

  /** Who has which volumes, until it begins to let go of them. */
  private final Map<JobId, Having> having = new LinkedHashMap<>();

  /** Somebody else's: never deleted. */
  private final Set<VolumeId> registered = new HashSet<>();

  /** What has happened, so that a test knows that it does happen. */
  private final Set<String> seen = new TreeSet<>();

  private int made;

  private record Having(InstanceId instance, List<VolumeActor> volumes) {}

  /**
   * @param byThemselves jobs also take volumes without asking, from whoever has them
   */
  SimulatedVolumes(Simulation world, Random random, Timeline time, boolean byThemselves) {
    this.world = world;
    this.random = random;
    this.time = time;
    this.byThemselves = byThemselves;
  }

  // --- what people do ----------------------------------------------------------------------------

  void make(String name) {
    String id = WorkflowIds.volume("main", name);
    VolumeActor before = volumes.get(id);
    if (before != null && !before.closed()) {
      return;
    }
    String existing = random.nextInt(5) == 0 ? "vol-" + name : null;
    VolumePlan plan =
        new VolumePlan(
            BackendType.SCRIPTED,
            "here",
            null,
            10,
            existing,
            existing == null && random.nextInt(3) == 0 ? Duration.ofMinutes(15) : null,
            Map.of());
    VolumeActor volume =
        new VolumeActor(
            VolumeInput.first(
                new VolumeId(NamedIds.of(world.seed() + name + ++made)),
                Stage.PROJECT,
                "main",
                name,
                time.now(),
                plan),
            this);
    volumes.put(id, volume);
    if (existing != null) {
      registered.add(volume.input().id());
      stored.put(volume.input().id(), new Stored());
    }
    world.then(volume, () -> volume.begin(time.now()));
  }

  /** The volumes of a job, as its run names them; mostly none. */
  List<String> wanted(int node) {
    switch (random.nextInt(6)) {
      case 0 -> {
        String name = "v" + random.nextInt(NAMES);
        make(name);
        return List.of(name);
      }
      case 1 -> {
        make("v" + node);
        return List.of("v" + node + ",v" + (node + 1) % NAMES);
      }
      case 2 -> {
        make("v0");
        return random.nextBoolean() ? List.of("v0", "v1") : List.of("v2");
      }
      default -> {
        return List.of();
      }
    }
  }

  void someoneDeletesOne() {
    List<VolumeActor> open = open();
    if (!open.isEmpty()) {
      VolumeActor volume = open.get(random.nextInt(open.size()));
      world.signal("user", volume, () -> volume.delete(time.now()));
    }
  }

  private List<VolumeActor> open() {
    return volumes.values().stream().filter(volume -> !volume.closed()).toList();
  }

  /** Somebody deletes them all, again and again, as some are still in use. */
  void deleteAll() {
    List<VolumeActor> open = open();
    open.forEach(volume -> world.signal("user", volume, () -> volume.delete(time.now())));
    if (!open.isEmpty()) {
      time.in(Duration.ofMinutes(5), Duration.ofMinutes(10), this::deleteAll);
    }
  }

  // --- what jobs ask -----------------------------------------------------------------------------

  /** One job's call for its volumes: mount by mount, of each the alternatives in turn. */
  private final class Asking {
    private final JobActor job;
    private final AttachRequest request;
    private final List<VolumeActor> got = new ArrayList<>();
    private int alternative;
    private boolean over;

    Asking(JobActor job) {
      this.job = job;
      Placement placement = job.input().placement();
      this.request =
          new AttachRequest(
              job.input().id(),
              job.id(),
              job.input().runName(),
              new AttachRequest.Host(placement.instance(), placement.instanceName(), 0, "f", "m"),
              Duration.ofSeconds(10));
    }

    void go() {
      if (over) {
        return;
      }
      List<String> mounts = job.input().volumes();
      if (got.size() == mounts.size()) {
        end(true);
        return;
      }
      String[] names = mounts.get(got.size()).split(",");
      if (alternative == names.length || world.fault(40)) {
        end(false);
        return;
      }
      VolumeActor volume = volumes.get(WorkflowIds.volume("main", names[alternative]));
      if (volume == null || volume.closed() || got.contains(volume)) {
        alternative++;
        go();
        return;
      }
      Stored there = stored.get(volume.input().id());
      if (byThemselves && there != null) {
        there.on = request.host().instance();
      }
      world.then(volume, () -> volume.attach(request, time.now()));
      if (world.fault(6)) {
        // Delivered twice, the second time perhaps after all is over.
        time.in(
            MOMENT,
            Duration.ofMinutes(3),
            () -> world.then(volume, () -> volume.attach(request, time.now())));
      }
      look(volume);
    }

    private void look(VolumeActor volume) {
      time.in(
          MOMENT,
          ASK_AGAIN,
          () -> {
            if (over) {
              return;
            }
            switch (volume.answer(job.input().id())) {
              case VolumeAnswer.Attached _ -> {
                got.add(volume);
                alternative = 0;
                go();
              }
              case VolumeAnswer.Refused refused -> {
                if (refused.message().contains("is in use")) {
                  seen.add("refused");
                }
                alternative++;
                go();
              }
              case VolumeAnswer.None _ -> {
                alternative++;
                go();
              }
              case VolumeAnswer.Pending(String why) -> {
                if (why.startsWith("waits")) {
                  seen.add("waited");
                }
                look(volume);
              }
            }
          });
    }

    private void end(boolean well) {
      over = true;
      if (well) {
        seen.add("attached");
        having.put(job.input().id(), new Having(request.host().instance(), got));
        world.then(job, () -> job.attached(time.now()));
      } else {
        world.then(job, () -> job.attachFailed(time.now()));
      }
    }
  }

  void attach(JobActor job) {
    Asking one = new Asking(job);
    asking.put(job.input().id(), one);
    time.in(MOMENT, ASK_AGAIN, one::go);
  }

  void cancelAttach(JobActor job) {
    Asking one = asking.get(job.input().id());
    if (one != null && !one.over) {
      one.over = true;
      time.in(
          MOMENT,
          Duration.ofSeconds(30),
          () -> world.then(job, () -> job.attachFailed(time.now())));
    }
  }

  /** Repeated until none of them has anything to do with the job any more. */
  void detach(JobActor job, Runnable done) {
    JobId id = job.input().id();
    having.remove(id);
    Asking one = asking.get(id);
    if (one != null) {
      one.over = true;
    }
    List<VolumeActor> all = new ArrayList<>();
    for (String mount : job.input().volumes()) {
      for (String name : mount.split(",")) {
        VolumeActor volume = volumes.get(WorkflowIds.volume("main", name));
        if (volume != null && !all.contains(volume)) {
          all.add(volume);
          world.then(volume, () -> volume.detach(id, time.now()));
        }
      }
    }
    if (all.stream().allMatch(volume -> volume.answer(id) instanceof VolumeAnswer.None)) {
      done.run();
    } else {
      time.in(MOMENT, ASK_AGAIN, () -> detach(job, done));
    }
  }

  // --- what the cloud does -----------------------------------------------------------------------

  /**
   * @param key of calls that can be canceled
   * @param canceled what then is told; its effect may have been there all the same
   */
  private void call(
      VolumeActor of, String key, Duration longest, Runnable ended, Runnable canceled) {
    boolean[] over = {false};
    calls.put(
        of.id() + key,
        () -> {
          if (!over[0]) {
            over[0] = true;
            time.in(MOMENT, Duration.ofSeconds(20), () -> world.then(of, canceled));
          }
        });
    time.in(
        MOMENT,
        longest,
        () -> {
          if (!over[0]) {
            over[0] = true;
            world.then(of, ended);
          }
        });
  }

  private void cancel(VolumeActor of, String key) {
    Runnable cancel = calls.remove(of.id() + key);
    if (cancel != null) {
      cancel.run();
    }
  }

  private static String attaching(InstanceId instance) {
    return " on " + instance;
  }

  private static String detaching(InstanceId instance) {
    return " off " + instance;
  }

  private boolean perhaps() {
    return random.nextBoolean();
  }

  @Override
  public void ensure(VolumeActor from) {
    VolumeId id = from.input().id();
    call(
        from,
        " make",
        Duration.ofSeconds(40),
        () -> {
          boolean fails = world.fault(6);
          if (!fails || perhaps()) {
            stored.computeIfAbsent(id, _ -> new Stored());
          }
          if (fails) {
            from.notMade(ErrorKind.BACKEND_DENIED, time.now());
          } else {
            from.ready(new Made("vol-" + id, 10, null, 1, false), time.now());
          }
        },
        () -> {
          if (perhaps()) {
            stored.computeIfAbsent(id, _ -> new Stored());
          }
          from.notMade(ErrorKind.TIMED_OUT, time.now());
        });
  }

  @Override
  public void cancelEnsure(VolumeActor from) {
    cancel(from, " make");
  }

  @Override
  public void attachTo(VolumeActor from, AttachRequest.Host host) {
    InstanceId instance = host.instance();
    call(
        from,
        attaching(instance),
        world.fault(8) ? Duration.ofMinutes(3) : Duration.ofSeconds(15),
        () -> {
          if (!world.isThere(instance)) {
            from.notAttached(instance, ErrorKind.HOST_LOST, time.now());
            return;
          }
          boolean fails = world.fault(6);
          if (!fails || perhaps()) {
            put(from, instance);
          }
          if (fails) {
            from.notAttached(instance, ErrorKind.BACKEND_DENIED, time.now());
          } else {
            from.attached(instance, new Mounted("/dev/sdf", null), time.now());
          }
        },
        () -> {
          if (perhaps() && world.isThere(instance)) {
            put(from, instance);
          }
          from.notAttached(instance, ErrorKind.TIMED_OUT, time.now());
        });
  }

  private void put(VolumeActor volume, InstanceId instance) {
    Stored one = stored.get(volume.input().id());
    assertThat(one)
        .as(() -> world.here(volume.id() + " is attached, and there is none"))
        .isNotNull();
    if (one != null) {
      if (!byThemselves) {
        assertThat(one.on == null || one.on.equals(instance))
            .as(() -> world.here(volume.id() + " is taken to a second machine"))
            .isTrue();
      }
      one.on = instance;
    }
  }

  @Override
  public void cancelAttach(VolumeActor from, InstanceId instance) {
    cancel(from, attaching(instance));
  }

  @Override
  public void detachFrom(VolumeActor from, AttachRequest.Host host, boolean force) {
    InstanceId instance = host.instance();
    boolean holdsOn = !force && world.fault(4);
    call(
        from,
        detaching(instance),
        holdsOn ? Duration.ofDays(1) : Duration.ofSeconds(10),
        () -> {
          Stored one = stored.get(from.input().id());
          if (world.fault(6)) {
            from.notDetached(instance, force, time.now());
            return;
          }
          if (one != null && instance.equals(one.on)) {
            seen.add(force ? "forced" : "detached");
            one.on = null;
          }
          from.detached(instance, time.now());
        },
        () -> from.notDetached(instance, false, time.now()));
  }

  @Override
  public void cancelDetach(VolumeActor from, InstanceId instance) {
    cancel(from, detaching(instance));
  }

  @Override
  public void deleteAtProvider(VolumeActor from) {
    assertThat(from.input().plan().existing())
        .as(() -> world.here(from.id() + " is somebody else's"))
        .isNull();
    call(
        from,
        " delete",
        Duration.ofSeconds(20),
        () -> {
          if (world.fault(5)) {
            from.notDeleted(time.now());
            return;
          }
          Stored one = stored.remove(from.input().id());
          assertThat(one == null || one.on == null)
              .as(() -> world.here(from.id() + " is deleted while a machine has it"))
              .isTrue();
          seen.add("deleted");
          from.deleted(time.now());
        },
        () -> {
          throw new AssertionError("nobody cancels a deletion");
        });
  }

  @Override
  public void findClosed(VolumeActor from, List<String> workflowIds) {
    time.in(
        MOMENT,
        Duration.ofSeconds(1),
        () -> {
          List<String> closed = workflowIds.stream().filter(world::isClosed).toList();
          world.then(from, () -> from.ownersClosed(closed, time.now()));
        });
  }

  @Override
  public void shown(VolumeView view) {
    world.grows(view.id(), view.revision());
  }

  void machineGone(InstanceId instance) {
    stored.values().stream().filter(one -> instance.equals(one.on)).forEach(one -> one.on = null);
  }

  Set<String> seen() {
    return seen;
  }

  // --- what must hold ----------------------------------------------------------------------------

  /** Who has got a volume has it for as long as it wants to, whatever others ask for. */
  void check() {
    having.forEach(
        (job, what) -> {
          if (!world.isThere(what.instance())) {
            return;
          }
          for (VolumeActor volume : what.volumes()) {
            Stored one = stored.get(volume.input().id());
            assertThat(one != null && what.instance().equals(one.on))
                .as(() -> world.here("job " + job + " has lost " + volume.id()))
                .isTrue();
          }
        });
  }

  void end() {
    assertThat(open().stream().map(VolumeActor::id))
        .as(() -> world.here("volumes that do not end"))
        .isEmpty();
    assertThat(stored.values().stream().filter(one -> one.on != null))
        .as(() -> world.here("volumes left on machines"))
        .isEmpty();
    assertThat(stored.keySet().stream().filter(id -> !registered.contains(id)))
        .as(() -> world.here("volumes left at the provider"))
        .isEmpty();
  }
}
