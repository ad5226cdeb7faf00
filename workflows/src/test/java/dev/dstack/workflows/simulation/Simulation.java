package dev.dstack.workflows.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.agent.TaskExit;
import dev.dstack.model.agent.TaskStatus;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.fleet.Sharing;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.NamedIds;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.model.job.RetryEvent;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.workflows.fleet.FleetActor;
import dev.dstack.workflows.fleet.FleetAnswer;
import dev.dstack.workflows.fleet.FleetInput;
import dev.dstack.workflows.fleet.FleetPlan;
import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.fleet.ReleaseRequest;
import dev.dstack.workflows.fleet.ReserveRequest;
import dev.dstack.workflows.instance.CloudActivities.MachineView;
import dev.dstack.workflows.instance.InstanceActor;
import dev.dstack.workflows.instance.InstanceInput;
import dev.dstack.workflows.instance.InstanceReport;
import dev.dstack.workflows.instance.InstanceTermination;
import dev.dstack.workflows.job.JobActor;
import dev.dstack.workflows.job.JobInput;
import dev.dstack.workflows.job.JobReport;
import dev.dstack.workflows.job.JobStop;
import dev.dstack.workflows.job.TaskNews;
import dev.dstack.workflows.run.RunActor;
import dev.dstack.workflows.run.RunInput;
import dev.dstack.workflows.run.RunPlan;
import dev.dstack.workflows.view.FleetView;
import dev.dstack.workflows.view.InstanceView;
import dev.dstack.workflows.view.JobView;
import dev.dstack.workflows.view.RunView;
import dev.dstack.workflows.world.Plans;
import dev.dstack.workflows.world.Stage;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One life of a small installation. For two hours users submit, stop and change, hosts go and come,
 * calls fail, answers are lost or come twice; then all is well, everything is stopped and deleted,
 * and nothing may be left.
 */
final class Simulation
    implements FleetActor.World, InstanceActor.World, JobActor.World, RunActor.World {
  private static final Instant T0 = Instant.parse("2026-01-01T00:00:00Z");
  private static final Instant CALM = T0.plus(Duration.ofHours(2));
  private static final Instant END = CALM.plus(Duration.ofDays(3));
  private static final Duration NONE = Duration.ZERO;
  private static final List<Offer> OFFERS =
      List.of(
          Stage.offer(BackendType.SCRIPTED, "small", 2, 0.1, false),
          Stage.offer(BackendType.SCRIPTED, "large", 8, 0.4, false),
          Stage.offer(BackendType.SCRIPTED, "spot", 8, 0.2, true));

  /** A machine as its provider knows it. */
  private static final class Machine {
    final Offer offer;
    boolean reachable = true;
    boolean ill;
    final Map<JobId, Task> tasks = new LinkedHashMap<>();

    Machine(Offer offer) {
      this.offer = offer;
    }
  }

  /** A task as its host knows it. */
  private static final class Task {
    long seq = 1;
    @Nullable Integer status;
    final Instant startedAt;
    @Nullable Instant finishedAt;

    Task(Instant startedAt) {
      this.startedAt = startedAt;
    }
  }

  private record Watch(JobActor job, long since, long number) {}

  private final long seed;
  private final Spoilt spoilt;
  private final Random random;
  private final Timeline time;
  private final Map<String, FleetActor> fleets = new LinkedHashMap<>();
  private final Map<String, InstanceActor> instances = new LinkedHashMap<>();
  private final Map<String, JobActor> jobs = new LinkedHashMap<>();
  private final Map<String, RunActor> runs = new LinkedHashMap<>();
  private final SimulatedVolumes volumes;
  private final Map<InstanceId, Machine> machines = new LinkedHashMap<>();
  private final Set<InstanceId> terminated = new HashSet<>();
  private final Set<JobId> begun = new HashSet<>();
  private final Set<JobId> submitted = new HashSet<>();
  private final Map<Object, Long> revisions = new HashMap<>();
  private final Map<String, Integer> runOfName = new HashMap<>();
  private final Map<InstanceId, Long> hostWatch = new HashMap<>();
  private final Map<InstanceId, Boolean> hostSeen = new HashMap<>();
  private final Map<InstanceId, Runnable> provisioning = new HashMap<>();
  private final Map<JobId, Watch> watches = new HashMap<>();
  private final Map<JobId, Runnable> submissions = new HashMap<>();
  private long numbers;
  private int steps;

  /** What does not work in a world that is there to show that it is noticed. */
  enum Spoilt {
    NOTHING,
    /** What fleets tell their instances is lost. */
    TERMINATIONS,
    /** Jobs take volumes without asking, from whoever has them. */
    VOLUMES
  }

  Simulation(long seed) {
    this(seed, Spoilt.NOTHING);
  }

  Simulation(long seed, Spoilt spoilt) {
    this.spoilt = spoilt;
    this.seed = seed;
    this.random = new Random(seed);
    this.time = new Timeline(random, T0);
    this.volumes = new SimulatedVolumes(this, random, time, spoilt == Spoilt.VOLUMES);
  }

  long seed() {
    return seed;
  }

  /** What has happened to volumes. */
  Set<String> seen() {
    return volumes.seen();
  }

  // --- the plot ----------------------------------------------------------------------------------

  /** The number of steps it took. */
  int play() {
    int count = 1 + random.nextInt(3);
    for (int i = 0; i < count; i++) {
      startFleet("f" + i);
    }
    int wanted = 2 + random.nextInt(8);
    for (int i = 0; i < wanted; i++) {
      String name = "r" + random.nextInt(5);
      time.in(NONE, Duration.ofMinutes(100), () -> submit(name));
    }
    for (int i = random.nextInt(6); i > 0; i--) {
      time.in(Duration.ofSeconds(1), Duration.ofMinutes(115), this::userActs);
      time.in(Duration.ofSeconds(1), Duration.ofMinutes(115), this::hostActs);
    }
    time.at(CALM, this::calm);
    while (time.step(END)) {
      steps++;
      if (steps > 200_000) {
        throw new AssertionError(here("no end"));
      }
      check();
    }
    end();
    return steps;
  }

  boolean isThere(InstanceId machine) {
    return machines.containsKey(machine);
  }

  private boolean calmNow() {
    return !time.now().isBefore(CALM);
  }

  boolean fault(int oneIn) {
    return !calmNow() && random.nextInt(oneIn) == 0;
  }

  private void startFleet(String name) {
    int min = random.nextInt(3);
    Integer max =
        random.nextInt(4) == 0 ? null : Integer.valueOf(Math.max(1, min + random.nextInt(4)));
    FleetActor fleet =
        new FleetActor(
            FleetInput.first(
                new FleetId(NamedIds.of(seed + name)),
                Stage.PROJECT,
                "main",
                name,
                T0,
                plan(min, max)),
            this);
    fleets.put(fleet.id(), fleet);
    time.at(T0, () -> then(fleet, () -> fleet.begin(time.now())));
  }

  private FleetPlan plan(int min, @Nullable Integer max) {
    Sharing sharing =
        switch (random.nextInt(3)) {
          case 0 -> new Sharing.Whole();
          case 1 -> new Sharing.Blocks(2);
          default -> new Sharing.ByRequest();
        };
    int target = max == null ? min : min + random.nextInt(max - min + 1);
    return new FleetPlan(
        BackendType.SCRIPTED,
        min,
        target,
        max,
        Stage.cpus(1),
        sharing,
        random.nextBoolean() ? null : Duration.ofMinutes(1 + random.nextInt(20)));
  }

  private void submit(String name) {
    String id = "run:main:" + name;
    RunActor before = runs.get(id);
    if (calmNow() || (before != null && !before.closed())) {
      return;
    }
    int generation = runOfName.merge(name, 1, Integer::sum);
    List<FleetRef> candidates = new ArrayList<>();
    for (FleetActor fleet : fleets.values()) {
      if (random.nextInt(4) > 0) {
        candidates.add(fleet.ref());
      }
    }
    int replicas = 1 + random.nextInt(2);
    int nodes = 1 + random.nextInt(3);
    List<RunPlan.JobPlan> plans = new ArrayList<>();
    for (int replica = 0; replica < replicas; replica++) {
      for (int node = 0; node < nodes; node++) {
        plans.add(
            new RunPlan.JobPlan(
                replica,
                node,
                name + "-" + node + "-" + replica,
                Stage.cpus(1 + random.nextInt(3)),
                volumes.wanted(node)));
      }
    }
    RunPlan.RetryPlan retry =
        random.nextBoolean()
            ? null
            : new RunPlan.RetryPlan(Set.of(RetryEvent.values()), Duration.ofMinutes(30));
    RunPlan plan =
        Plans.of(candidates, plans)
            .retry(retry)
            .priority(random.nextInt(3) * 50)
            .maxDuration(random.nextInt(4) == 0 ? Duration.ofMinutes(5) : null)
            .cron(random.nextInt(8) == 0 ? new String[] {"*/15 * * * *"} : new String[0])
            .mayCreate(random.nextInt(5) > 0)
            .plan();
    RunActor run =
        new RunActor(
            RunInput.first(
                new RunId(NamedIds.of(seed + name + generation)),
                Stage.PROJECT,
                "main",
                name,
                Stage.USER,
                "ann",
                time.now(),
                plan),
            this);
    runs.put(id, run);
    then(run, () -> run.begin(time.now()));
  }

  private void userActs() {
    List<RunActor> open = runs.values().stream().filter(run -> !run.closed()).toList();
    switch (random.nextInt(6)) {
      case 5 -> volumes.someoneDeletesOne();
      case 0, 1 -> {
        if (!open.isEmpty()) {
          RunActor run = open.get(random.nextInt(open.size()));
          boolean abort = random.nextBoolean();
          signal("user", run, () -> run.stop(abort, time.now()));
        }
      }
      case 2 -> {
        if (!open.isEmpty()) {
          RunActor run = open.get(random.nextInt(open.size()));
          int priority = random.nextInt(101);
          signal("user", run, () -> run.update(priority, time.now()));
        }
      }
      case 3 -> {
        FleetActor fleet = any(fleets.values().stream().toList());
        FleetPlan old = fleet.plan();
        int min = random.nextInt(3);
        FleetPlan next =
            new FleetPlan(
                old.backend(),
                min,
                min,
                random.nextBoolean() ? null : Integer.valueOf(min + 1),
                old.requirements(),
                old.sharing(),
                old.idleDuration());
        signal("user", fleet, () -> fleet.reconfigure(next, time.now()));
      }
      default -> {
        FleetActor fleet = any(fleets.values().stream().toList());
        signal("user", fleet, () -> fleet.delete(time.now()));
      }
    }
  }

  private <T> T any(List<T> list) {
    return list.get(random.nextInt(list.size()));
  }

  private void hostActs() {
    if (machines.isEmpty() || calmNow()) {
      return;
    }
    InstanceId id = any(List.copyOf(machines.keySet()));
    Machine machine = Objects.requireNonNull(machines.get(id));
    switch (random.nextInt(4)) {
      case 0 -> {
        // Gone for ever, without a word; the provider still bills it.
        reachable(id, false);
        machine.tasks.clear();
      }
      case 1 -> {
        reachable(id, false);
        time.in(Duration.ofSeconds(5), Duration.ofMinutes(40), () -> reachable(id, true));
      }
      case 2 -> {
        ill(id, true);
        time.in(Duration.ofSeconds(5), Duration.ofMinutes(40), () -> ill(id, false));
      }
      default -> {
        machine.tasks.values().forEach(task -> exit(task, 137));
        wakeWatches();
      }
    }
  }

  /** No more faults: whoever was gone is back, everything is stopped and deleted. */
  private void calm() {
    List.copyOf(machines.keySet()).forEach(id -> reachable(id, true));
    List.copyOf(machines.keySet()).forEach(id -> ill(id, false));
    runs.values().stream()
        .filter(run -> !run.closed())
        .forEach(run -> signal("user", run, () -> run.stop(false, time.now())));
    time.in(
        Duration.ofMinutes(30),
        Duration.ofMinutes(40),
        () -> fleets.values().forEach(one -> signal("user", one, () -> one.delete(time.now()))));
    time.in(Duration.ofMinutes(30), Duration.ofMinutes(40), volumes::deleteAll);
  }

  // --- delivery ----------------------------------------------------------------------------------

  private final Map<Actor, Instant> armed = new HashMap<>();
  private final Map<Actor, Instant> told = new HashMap<>();

  /** Feeds an actor, then takes note of its deadline as its loop would. */
  void then(Actor actor, Runnable event) {
    event.run();
    arm(actor);
  }

  private void arm(Actor actor) {
    Instant deadline = actor.closed() ? null : actor.deadline();
    if (deadline == null) {
      return;
    }
    Instant last = told.get(actor);
    Instant when =
        last != null && !deadline.isAfter(last) ? time.now().plus(Duration.ofMinutes(1)) : deadline;
    Instant before = armed.get(actor);
    if (before != null && !before.isAfter(when)) {
      return;
    }
    armed.put(actor, when);
    time.at(
        when,
        () -> {
          armed.remove(actor, when);
          told.put(actor, when);
          if (!actor.closed()) {
            then(actor, () -> actor.tick(when, time.now()));
          }
        });
  }

  /** At least once; a copy may come long afterwards. */
  void signal(String from, Actor to, Runnable event) {
    Duration slow = fault(8) ? Duration.ofSeconds(30) : Duration.ofMillis(300);
    time.inOrder(from + ">" + to.id(), Duration.ofMillis(5), slow, () -> then(to, event));
    if (fault(6)) {
      time.in(Duration.ofMillis(5), Duration.ofMinutes(3), () -> then(to, event));
    }
  }

  // --- a fleet's commands ------------------------------------------------------------------------

  @Override
  public void answer(FleetActor from, String replyTo, FleetAnswer answer) {
    RunActor run = runs.get(replyTo);
    if (run != null) {
      signal(from.id(), run, () -> run.answered(answer, time.now()));
    }
  }

  @Override
  public void startInstance(FleetActor from, int serial, InstanceInput input) {
    InstanceActor instance = new InstanceActor(input, this);
    assertThat(instances.put(instance.id(), instance)).as("an instance is started once").isNull();
    serials.put(instance.id(), serial);
    then(instance, () -> instance.begin(time.now()));
  }

  private final Map<String, Integer> serials = new HashMap<>();

  @Override
  public void terminateInstance(FleetActor from, InstanceId id, InstanceTermination why) {
    InstanceActor instance = instances.get("instance:" + id);
    if (instance != null && spoilt != Spoilt.TERMINATIONS) {
      signal(from.id(), instance, () -> instance.terminate(why, time.now()));
    }
  }

  @Override
  public void findOffers(FleetActor from) {
    time.in(
        Duration.ofMillis(50),
        Duration.ofSeconds(3),
        () -> {
          if (fault(4)) {
            then(from, () -> from.offersFailed("the backend does not answer", time.now()));
          } else {
            List<Offer> offers = fault(4) ? OFFERS.subList(0, 1 + random.nextInt(2)) : OFFERS;
            then(from, () -> from.offersFound(offers, time.now()));
          }
        });
  }

  @Override
  public void findClosed(FleetActor from, List<String> workflowIds) {
    time.in(
        Duration.ofMillis(50),
        Duration.ofSeconds(1),
        () -> {
          List<String> closed = workflowIds.stream().filter(this::isClosed).toList();
          then(from, () -> from.ownersClosed(closed, time.now()));
        });
  }

  boolean isClosed(String workflowId) {
    Actor actor = runs.containsKey(workflowId) ? runs.get(workflowId) : jobs.get(workflowId);
    return actor == null || actor.closed();
  }

  @Override
  public void stopJob(FleetActor from, String jobWorkflowId) {
    stopJob(
        jobWorkflowId,
        from.id(),
        new JobStop(JobTerminationReason.TERMINATED_BY_SERVER, "its run is over", NONE));
  }

  // --- an instance's commands --------------------------------------------------------------------

  @Override
  public void create(InstanceActor from) {
    provision(
        from,
        Duration.ofMinutes(2),
        () -> {
          if (fault(5)) {
            ErrorKind kind =
                any(
                    List.of(
                        ErrorKind.NO_CAPACITY, ErrorKind.QUOTA_EXCEEDED, ErrorKind.BACKEND_DENIED));
            if (random.nextInt(3) == 0) {
              // The effect was there all the same.
              make(from);
            }
            from.provisioningFailed(kind, "not now", time.now());
            return;
          }
          make(from);
          from.created(machine(from), time.now());
        },
        () -> make(from));
  }

  private void make(InstanceActor from) {
    assertThat(terminated).as("made after its termination").doesNotContain(from.instance());
    machines.computeIfAbsent(from.instance(), _ -> new Machine(from.input().offer()));
  }

  private MachineView machine(InstanceActor of) {
    return new MachineView("m-" + of.instance(), of.input().offer(), "host-" + of.input().number());
  }

  @Override
  public void awaitHost(InstanceActor from) {
    provision(
        from,
        Duration.ofMinutes(4),
        () -> {
          Machine machine = machines.get(from.instance());
          if (machine == null || !machine.reachable || fault(10)) {
            from.provisioningFailed(ErrorKind.HOST_LOST, "no agent answers", time.now());
          } else {
            from.hostUp(machine(from), time.now());
          }
        },
        () -> {});
  }

  private void provision(
      InstanceActor from, Duration longest, Runnable ended, Runnable perhapsWhenCanceled) {
    long number = ++numbers;
    boolean[] over = {false};
    provisioning.put(
        from.instance(),
        () -> {
          if (!over[0]) {
            over[0] = true;
            if (random.nextBoolean()) {
              perhapsWhenCanceled.run();
            }
            time.in(
                Duration.ofMillis(5),
                Duration.ofSeconds(20),
                () -> then(from, () -> from.provisioningCanceled(time.now())));
          }
        });
    time.in(
        Duration.ofMillis(50),
        longest,
        () -> {
          if (!over[0]) {
            over[0] = true;
            then(from, ended);
          }
        });
    assertThat(number).isPositive();
  }

  @Override
  public void cancelProvisioning(InstanceActor from) {
    Runnable cancel = provisioning.get(from.instance());
    if (cancel != null) {
      cancel.run();
    }
  }

  @Override
  public void watchHost(InstanceActor from, boolean reachable) {
    hostSeen.put(from.instance(), reachable);
    hostWatch.put(from.instance(), ++numbers);
    tellOfHost(from.instance());
    tellOfHealth(from.instance());
  }

  @Override
  public void cancelWatch(InstanceActor from) {
    if (hostWatch.remove(from.instance()) != null) {
      time.in(
          Duration.ofMillis(5),
          Duration.ofSeconds(30),
          () -> then(from, () -> from.watchFailed(time.now())));
    }
  }

  private void reachable(InstanceId id, boolean reachable) {
    Machine machine = machines.get(id);
    if (machine != null) {
      machine.reachable = reachable;
      tellOfHost(id);
      wakeWatches();
    }
  }

  private void tellOfHost(InstanceId id) {
    Long number = hostWatch.get(id);
    InstanceActor instance = instances.get("instance:" + id);
    Machine machine = machines.get(id);
    boolean is = machine != null && machine.reachable;
    if (number == null || instance == null || is == hostSeen.getOrDefault(id, true)) {
      return;
    }
    time.in(
        Duration.ofSeconds(1),
        Duration.ofSeconds(60),
        () -> {
          Machine now = machines.get(id);
          boolean still = now != null && now.reachable;
          if (number.equals(hostWatch.get(id)) && still == is) {
            hostWatch.remove(id);
            if (fault(10)) {
              then(instance, () -> instance.watchFailed(time.now()));
            } else {
              then(instance, () -> instance.hostChanged(is, time.now()));
            }
          } else if (number.equals(hostWatch.get(id))) {
            tellOfHost(id);
          }
        });
  }

  private void ill(InstanceId id, boolean ill) {
    Machine machine = machines.get(id);
    if (machine != null) {
      machine.ill = ill;
      tellOfHealth(id);
    }
  }

  private void tellOfHealth(InstanceId id) {
    Long number = hostWatch.get(id);
    InstanceActor instance = instances.get("instance:" + id);
    if (number == null || instance == null || !healthIsNews(id, instance)) {
      return;
    }
    time.in(
        Duration.ofSeconds(1),
        Duration.ofSeconds(120),
        () -> {
          if (number.equals(hostWatch.get(id)) && healthIsNews(id, instance)) {
            boolean fit = !instance.fit();
            hostWatch.remove(id);
            then(instance, () -> instance.healthChanged(fit, time.now()));
          }
        });
  }

  private boolean healthIsNews(InstanceId id, InstanceActor instance) {
    Machine machine = machines.get(id);
    return machine != null
        && machine.reachable
        && hostSeen.getOrDefault(id, true)
        && machine.ill == instance.fit();
  }

  @Override
  public void revive(InstanceActor from) {
    time.in(
        Duration.ofSeconds(1),
        Duration.ofSeconds(30),
        () -> then(from, () -> from.revived(random.nextBoolean(), time.now())));
  }

  @Override
  public void terminate(InstanceActor from) {
    time.in(
        Duration.ofMillis(50),
        fault(5) ? Duration.ofMinutes(20) : Duration.ofSeconds(40),
        () -> {
          if (fault(8)) {
            then(from, () -> from.terminationFailed(time.now()));
            return;
          }
          machines.remove(from.instance());
          volumes.machineGone(from.instance());
          terminated.add(from.instance());
          wakeWatches();
          then(from, () -> from.terminated(time.now()));
          if (from.closed()) {
            FleetActor fleet = fleets.get(from.input().fleetWorkflowId());
            int serial = Objects.requireNonNull(serials.get(from.id()));
            if (fleet != null) {
              time.inOrder(
                  from.id() + ">" + fleet.id(),
                  Duration.ofMillis(5),
                  Duration.ofSeconds(1),
                  () -> then(fleet, () -> fleet.instanceClosed(serial, time.now())));
            }
          }
        });
  }

  @Override
  public void tell(InstanceActor from, InstanceReport report) {
    FleetActor fleet = fleets.get(from.input().fleetWorkflowId());
    if (fleet != null) {
      signal(from.id(), fleet, () -> fleet.reported(report, time.now()));
    }
  }

  // --- a job's commands --------------------------------------------------------------------------

  @Override
  public void attachVolumes(JobActor from) {
    volumes.attach(from);
  }

  @Override
  public void cancelAttach(JobActor from) {
    volumes.cancelAttach(from);
  }

  @Override
  public void submit(JobActor from) {
    JobId id = from.input().id();
    boolean[] over = {false};
    submissions.put(
        id,
        () -> {
          if (!over[0]) {
            over[0] = true;
            if (random.nextBoolean()) {
              start(from);
            }
            time.in(
                NONE,
                Duration.ofSeconds(2),
                () -> then(from, () -> from.submitCanceled(time.now())));
          }
        });
    time.in(
        Duration.ofMillis(20),
        Duration.ofSeconds(3),
        () -> {
          if (over[0]) {
            return;
          }
          over[0] = true;
          if (fault(12)) {
            if (random.nextBoolean()) {
              start(from);
            }
            ErrorKind kind =
                random.nextBoolean() ? ErrorKind.AGENT_REFUSED : ErrorKind.AGENT_UNREACHABLE;
            then(from, () -> from.submitFailed(kind, time.now()));
            return;
          }
          Task task = start(from);
          then(
              from,
              () -> {
                if (task == null) {
                  from.submitFailed(ErrorKind.AGENT_UNREACHABLE, time.now());
                } else {
                  from.news(news(task), time.now());
                }
              });
        });
  }

  /** Absent: nobody is there. A task that is there already is not started again. */
  private @Nullable Task start(JobActor from) {
    Machine machine = machines.get(from.input().placement().instance());
    if (machine == null || !machine.reachable) {
      return null;
    }
    JobId id = from.input().id();
    Task there = machine.tasks.get(id);
    if (there != null) {
      return there;
    }
    assertThat(begun.add(id)).as("a job's command runs once").isTrue();
    Task task = new Task(time.now());
    machine.tasks.put(id, task);
    if (random.nextInt(6) > 0) {
      int status = random.nextInt(4) == 0 ? 1 : 0;
      time.in(
          Duration.ofMillis(100),
          Duration.ofMinutes(20),
          () -> {
            exit(task, status);
            wakeWatches();
          });
    }
    return task;
  }

  private void exit(Task task, int status) {
    if (task.status == null) {
      task.status = status;
      task.finishedAt = time.now();
      task.seq++;
    }
  }

  private static TaskNews news(Task task) {
    if (task.status == null) {
      return new TaskNews.Phase(task.seq, TaskStatus.RUNNING, task.startedAt, "/work", "root");
    }
    JobTerminationReason reason =
        task.status == 0
            ? JobTerminationReason.DONE_BY_RUNNER
            : JobTerminationReason.CONTAINER_EXITED_WITH_ERROR;
    return new TaskNews.Exited(
        new TaskExit(reason, task.status, ""), task.startedAt, task.finishedAt, "/work", "root");
  }

  @Override
  public void cancelSubmit(JobActor from) {
    Runnable cancel = submissions.get(from.input().id());
    if (cancel != null) {
      cancel.run();
    }
  }

  @Override
  public void watch(JobActor from, long sinceSeq) {
    Watch watch = new Watch(from, sinceSeq, ++numbers);
    watches.put(from.input().id(), watch);
    look(watch);
  }

  private void wakeWatches() {
    List.copyOf(watches.values()).forEach(this::look);
  }

  private void look(Watch watch) {
    JobActor job = watch.job();
    JobId id = job.input().id();
    Machine machine = machines.get(job.input().placement().instance());
    boolean silent = machine == null || !machine.reachable;
    Task task = silent ? null : machine.tasks.get(id);
    if (task != null && task.seq <= watch.since()) {
      return;
    }
    Duration from = silent ? Duration.ofMinutes(10) : Duration.ofMillis(20);
    time.in(
        from,
        from.plusSeconds(2),
        () -> {
          if (watches.get(id) != watch) {
            return;
          }
          Machine there = machines.get(job.input().placement().instance());
          boolean gone = there == null || !there.reachable;
          if (gone && !silent) {
            look(watch);
            return;
          }
          Task now = gone ? null : there.tasks.get(id);
          if (now != null && now.seq <= watch.since()) {
            return;
          }
          watches.remove(id);
          if (fault(20)) {
            then(job, () -> job.watchFailed(time.now()));
          } else if (gone) {
            then(job, () -> job.news(new TaskNews.HostUnreachable("no answer"), time.now()));
          } else if (now == null) {
            then(job, () -> job.news(new TaskNews.Unknown(), time.now()));
          } else {
            then(job, () -> job.news(news(now), time.now()));
          }
        });
  }

  @Override
  public void cancelWatch(JobActor from) {
    if (watches.remove(from.input().id()) != null) {
      time.in(
          Duration.ofMillis(5),
          Duration.ofSeconds(30),
          () -> then(from, () -> from.watchFailed(time.now())));
    }
  }

  @Override
  public void askAgentToStop(JobActor from, Duration grace) {
    time.in(
        Duration.ofMillis(20),
        Duration.ofSeconds(2),
        () -> {
          Machine machine = machines.get(from.input().placement().instance());
          Task task =
              machine == null || !machine.reachable ? null : machine.tasks.get(from.input().id());
          if (task != null) {
            time.in(
                NONE,
                grace.plusMillis(10),
                () -> {
                  exit(task, 143);
                  wakeWatches();
                });
          }
        });
  }

  @Override
  public void cleanUp(JobActor from) {
    time.in(
        Duration.ofMillis(20),
        Duration.ofSeconds(3),
        () -> {
          Machine machine = machines.get(from.input().placement().instance());
          List<String> problems = List.of();
          if (machine != null && machine.reachable) {
            machine.tasks.remove(from.input().id());
          } else if (machine != null) {
            problems = List.of("its host does not answer");
            // What is left there goes with the host, or when it answers again.
            left.add(from.input().id());
          }
          watches.remove(from.input().id());
          List<String> said = problems;
          volumes.detach(from, () -> cleaned(from, said));
        });
  }

  private void cleaned(JobActor job, List<String> problems) {
    then(job, () -> job.cleaned(problems, time.now()));
    RunActor run = Objects.requireNonNull(runs.get(job.input().runWorkflowId()));
    if (job.closed() && run.run().equals(job.input().run())) {
      time.inOrder(
          job.id() + ">" + run.id(),
          Duration.ofMillis(5),
          Duration.ofSeconds(1),
          () -> then(run, () -> run.jobClosed(job.input().id(), time.now())));
    }
  }

  private final Set<JobId> left = new HashSet<>();

  @Override
  public void tell(JobActor from, JobReport report) {
    RunActor run = runs.get(from.input().runWorkflowId());
    if (run != null) {
      signal(from.id(), run, () -> run.reported(report, time.now()));
    }
  }

  // --- a run's commands --------------------------------------------------------------------------

  @Override
  public boolean ask(RunActor from, FleetRef ref, ReserveRequest request) {
    FleetActor fleet = fleets.get("fleet:" + ref.project() + ":" + ref.name());
    if (fleet == null || fleet.closed()) {
      return false;
    }
    signal(from.id(), fleet, () -> fleet.reserve(request, time.now()));
    return true;
  }

  @Override
  public void noSuchFleet(RunActor from, String requestId, FleetRef fleet) {
    time.in(NONE, NONE, () -> then(from, () -> from.noSuchFleet(requestId, fleet, time.now())));
  }

  @Override
  public void startJob(RunActor from, JobInput input) {
    JobActor job = new JobActor(input, this);
    assertThat(submitted.add(input.id())).as("a job is started once").isTrue();
    jobs.put(job.id(), job);
    then(job, () -> job.begin(time.now()));
  }

  @Override
  public void stopJob(RunActor from, String jobWorkflowId, JobStop stop) {
    stopJob(jobWorkflowId, from.id(), stop);
  }

  private void stopJob(String jobWorkflowId, String from, JobStop stop) {
    JobActor job = jobs.get(jobWorkflowId);
    if (job != null) {
      signal(from, job, () -> job.stop(stop, time.now()));
    }
  }

  @Override
  public void release(RunActor from, FleetRef ref, ReleaseRequest request) {
    FleetActor fleet = fleets.get("fleet:" + ref.project() + ":" + ref.name());
    if (fleet != null) {
      signal(from.id(), fleet, () -> fleet.release(request, time.now()));
    }
  }

  // --- what is shown -----------------------------------------------------------------------------

  void grows(Object id, long revision) {
    Long before = revisions.put(id, revision);
    assertThat(before == null || before < revision)
        .as(() -> here("revision of " + id + ": " + before + ", then " + revision))
        .isTrue();
  }

  @Override
  public void shown(FleetView view) {
    grows(view.id(), view.revision());
  }

  @Override
  public void shown(InstanceView view) {
    grows(view.id(), view.revision());
  }

  @Override
  public void shown(JobView view) {
    grows(view.id(), view.revision());
  }

  @Override
  public void shown(RunView view) {
    grows(view.id(), view.revision());
  }

  // --- what must hold ----------------------------------------------------------------------------

  private void check() {
    for (Map.Entry<InstanceId, Machine> entry : machines.entrySet()) {
      InstanceActor owner = instances.get("instance:" + entry.getKey());
      assertThat(owner != null && !owner.closed())
          .as(() -> here("a machine without an owner: " + entry.getKey()))
          .isTrue();
    }
    volumes.check();
    if (steps % 16 == 0) {
      checkClaims();
    }
  }

  /** Who is at work has a claim on the very instance; perhaps for a moment on another one, too. */
  private void checkClaims() {
    Map<JobId, Set<InstanceId>> claims = new HashMap<>();
    for (FleetActor fleet : fleets.values()) {
      fleet
          .claims()
          .forEach((job, on) -> claims.computeIfAbsent(job, _ -> new HashSet<>()).add(on));
    }
    for (JobActor job : jobs.values()) {
      if (job.closed()) {
        continue;
      }
      InstanceId instance = job.input().placement().instance();
      InstanceActor actor = instances.get("instance:" + instance);
      if (actor == null || actor.closed()) {
        continue;
      }
      assertThat(claims.getOrDefault(job.input().id(), Set.of()))
          .as(() -> here("the claim of " + job.id()))
          .contains(instance);
    }
  }

  private void end() {
    assertThat(runs.values().stream().filter(run -> !run.closed()).map(RunActor::id))
        .as(() -> here("runs that do not end"))
        .isEmpty();
    assertThat(jobs.values().stream().filter(job -> !job.closed()).map(JobActor::id))
        .as(() -> here("jobs that do not end"))
        .isEmpty();
    assertThat(fleets.values().stream().filter(one -> !one.closed()).map(FleetActor::id))
        .as(() -> here("fleets that do not end"))
        .isEmpty();
    assertThat(instances.values().stream().filter(one -> !one.closed()).map(InstanceActor::id))
        .as(() -> here("instances that do not end"))
        .isEmpty();
    assertThat(machines.keySet()).as(() -> here("machines left")).isEmpty();
    volumes.end();
  }

  String here(String what) {
    return what + " (seed " + seed + ", step " + steps + ", " + time.now() + ")";
  }
}
