package dev.dstack.workflows.world;

import dev.dstack.model.agent.AccessRequest;
import dev.dstack.model.agent.TaskExit;
import dev.dstack.model.agent.TaskStatus;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.offer.Requirements;
import dev.dstack.workflows.fleet.FleetAnswer;
import dev.dstack.workflows.fleet.FleetWorkflow;
import dev.dstack.workflows.fleet.Placement;
import dev.dstack.workflows.fleet.ReleaseRequest;
import dev.dstack.workflows.fleet.ReserveRequest;
import dev.dstack.workflows.instance.CloudActivities;
import dev.dstack.workflows.instance.FoundOffers;
import dev.dstack.workflows.instance.InstanceReport;
import dev.dstack.workflows.instance.InstanceTermination;
import dev.dstack.workflows.instance.InstanceWorkflow;
import dev.dstack.workflows.instance.OfferSearch;
import dev.dstack.workflows.job.AgentActivities;
import dev.dstack.workflows.job.JobReport;
import dev.dstack.workflows.job.JobStop;
import dev.dstack.workflows.job.JobWorkflow;
import dev.dstack.workflows.job.TaskNews;
import dev.dstack.workflows.job.VolumeActivities;
import dev.dstack.workflows.run.RunWorkflow;
import dev.dstack.workflows.support.SignalActivities;
import dev.dstack.workflows.view.FleetView;
import dev.dstack.workflows.view.InstanceView;
import dev.dstack.workflows.view.JobView;
import dev.dstack.workflows.view.ProjectionActivities;
import dev.dstack.workflows.view.RunView;
import dev.dstack.workflows.view.TimelineEvent;
import dev.dstack.workflows.view.VolumeView;
import io.temporal.api.enums.v1.WorkflowExecutionStatus;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowNotFoundException;
import io.temporal.failure.ApplicationFailure;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Everything outside of the workflows. All of it is guarded by its monitor. */
public final class FakeWorld {
  public final VolumeProvider volumeProvider = new VolumeProvider();

  /** A machine and the agent on it. */
  static final class Machine {
    final String name;
    boolean reachable = true;
    boolean up = true;
    @Nullable Instant silentSince;
    @Nullable String illness;
    final Map<JobId, Task> tasks = new LinkedHashMap<>();

    Machine(String name) {
      this.name = name;
    }
  }

  static final class Task {
    Instant runningAt = Instant.EPOCH;
    long seq = 1;
    @Nullable Instant endsAt;
    @Nullable TaskExit exit;
    Scripts script = Scripts.done();
  }

  private Duration pulling = Duration.ZERO;
  private Duration patience = Duration.ZERO;
  private final Set<String> off = new HashSet<>();

  public final Map<RunId, RunView> runs = new LinkedHashMap<>();
  public final Map<JobId, JobView> jobs = new LinkedHashMap<>();
  public final Map<InstanceId, InstanceView> instances = new LinkedHashMap<>();
  public final Map<FleetId, FleetView> fleets = new LinkedHashMap<>();
  public final Map<JobId, Placement> claims = new LinkedHashMap<>();
  public final List<TimelineEvent> timeline = new ArrayList<>();
  public final List<String> complaints = new ArrayList<>();

  /** How often the commands of a job have been executed. */
  public final Map<JobId, Integer> executed = new LinkedHashMap<>();

  final Map<InstanceId, Machine> machines = new LinkedHashMap<>();
  private final Set<InstanceId> created = new HashSet<>();
  private final Map<String, Set<JobId>> attached = new LinkedHashMap<>();
  private final Set<String> heldByOthers = new HashSet<>();
  private final Set<String> askedFor = new HashSet<>();
  private final List<Offer> offers = new ArrayList<>();
  private final Map<String, ErrorKind> noCapacity = new LinkedHashMap<>();
  private final Supplier<Instant> clock;
  private final Supplier<WorkflowClient> client;

  /** Off: the agent runs a task again each time it is submitted. Shows that faults bite. */
  public boolean agentDedupes = true;

  public @Nullable ErrorKind submitFails;
  public boolean databaseDown;

  /** Happens while a fleet's workflow task waits for its view to be written. */
  public volatile Consumer<FleetView> whenFleetShown = _ -> {};

  private java.util.function.Function<JobId, Scripts> scripts = _ -> Scripts.done();

  FakeWorld(Supplier<Instant> clock, Supplier<WorkflowClient> client) {
    this.clock = clock;
    this.client = client;
  }

  // ---- scripting

  /** Others have this volume and do not let go of it. */
  public synchronized void holdsBack(String volume) {
    heldByOthers.add(volume);
  }

  public synchronized boolean wasAskedFor(String volume) {
    return askedFor.contains(volume);
  }

  public synchronized void offer(Offer offer) {
    offers.add(offer);
  }

  public synchronized void refuse(String instanceType, ErrorKind kind) {
    noCapacity.put(instanceType, kind);
  }

  public synchronized void allow(String instanceType) {
    noCapacity.remove(instanceType);
  }

  public synchronized void jobsDo(java.util.function.Function<JobId, Scripts> script) {
    scripts = script;
  }

  public synchronized void jobsDo(Scripts script) {
    scripts = _ -> script;
  }

  /** Images take this long to come to a host. */
  public synchronized void pullingTakes(Duration time) {
    pulling = time;
  }

  public synchronized void silence(boolean silent) {
    machines.values().forEach(machine -> machine.reachable = !silent);
  }

  /** Silent, and nothing brings it back. */
  public synchronized void breakDown(boolean broken) {
    machines
        .values()
        .forEach(
            machine -> {
              machine.up = !broken;
              machine.reachable = !broken;
            });
  }

  /**
   * Nobody answers for this machine until it is switched on, whether it is there already or not.
   */
  public synchronized void powerOff(String name) {
    off.add(name);
    machines.values().stream().filter(machine -> machine.name.equals(name)).forEach(this::power);
  }

  public synchronized void powerOn(String name) {
    off.remove(name);
    machines.values().stream().filter(machine -> machine.name.equals(name)).forEach(this::power);
  }

  private void power(Machine machine) {
    machine.up = !off.contains(machine.name);
    machine.reachable = machine.up;
    machine.silentSince = machine.up ? null : clock.get();
  }

  /** What its accelerators suffer from; absent: they are well. */
  public synchronized void ill(String name, @Nullable String illness) {
    machines.values().stream()
        .filter(machine -> machine.name.equals(name))
        .forEach(machine -> machine.illness = illness);
  }

  /** How long a machine may be silent before the watches of its tasks say so. */
  public synchronized void patience(Duration time) {
    patience = time;
  }

  /** The agent has lost all memory, as after a reinstallation. */
  public synchronized void wipe() {
    machines.values().forEach(machine -> machine.tasks.clear());
  }

  public synchronized int machineCount() {
    return machines.size();
  }

  public synchronized long taskCount() {
    return machines.values().stream().mapToLong(machine -> machine.tasks.size()).sum();
  }

  public synchronized boolean anyAttached() {
    return attached.values().stream().anyMatch(jobs -> !jobs.isEmpty());
  }

  public synchronized <T> T see(Supplier<T> look) {
    return look.get();
  }

  public synchronized @Nullable RunView run(RunId id) {
    return runs.get(id);
  }

  public synchronized List<JobView> jobsOf(RunId id) {
    return jobs.values().stream().filter(job -> job.run().equals(id)).toList();
  }

  public synchronized List<String> story() {
    return timeline.stream().map(TimelineEvent::message).toList();
  }

  private static RuntimeException failure(ErrorKind kind, String message) {
    return kind.retryable()
        ? ApplicationFailure.newFailure(message, kind.name())
        : ApplicationFailure.newNonRetryableFailure(message, kind.name());
  }

  // ---- the host agent

  public final class Agent implements AgentActivities {
    @Override
    public TaskNews submitTask(TaskRef ref) {
      synchronized (FakeWorld.this) {
        if (submitFails != null) {
          throw failure(submitFails, "submission refused: " + submitFails);
        }
        Machine machine = machines.get(ref.instance());
        if (machine == null || !machine.reachable) {
          throw failure(ErrorKind.AGENT_UNREACHABLE, "connection refused");
        }
        Task known = machine.tasks.get(ref.job());
        if (known == null || !agentDedupes) {
          executed.merge(ref.job(), 1, Integer::sum);
          known = new Task();
          known.script = scripts.apply(ref.job());
          known.runningAt = clock.get().plus(pulling);
          if (known.script instanceof Scripts.Exits exits) {
            known.endsAt = known.runningAt.plus(exits.after());
            known.exit =
                new TaskExit(
                    exits.reason(), exits.exitStatus(), exits.exitStatus() == 0 ? "" : "boom");
          }
          machine.tasks.put(ref.job(), known);
        }
        return phase(known);
      }
    }

    private TaskNews phase(Task task) {
      return clock.get().isBefore(task.runningAt)
          ? new TaskNews.Phase(1, TaskStatus.PULLING, null, null, null)
          : new TaskNews.Phase(
              2,
              TaskStatus.RUNNING,
              task.runningAt,
              "/home/job",
              "nobody",
              Map.of(AccessRequest.SSH_PORT, 32768));
    }

    @Override
    public TaskNews watchTask(TaskRef ref, long sinceSeq, boolean ending) {
      synchronized (FakeWorld.this) {
        Machine machine = machines.get(ref.instance());
        if (machine == null || !machine.reachable) {
          Instant since = machine == null ? null : machine.silentSince;
          if (since != null && clock.get().isBefore(since.plus(patience))) {
            throw ApplicationFailure.newFailure("still trying", ErrorKind.NOT_READY.name());
          }
          return new TaskNews.HostUnreachable("the agent has not answered for 2 min");
        }
        Task task = machine.tasks.get(ref.job());
        if (task == null) {
          return new TaskNews.Unknown();
        }
        Instant ends = task.endsAt;
        TaskExit exit = task.exit;
        if (ends != null && exit != null && !clock.get().isBefore(ends)) {
          return new TaskNews.Exited(exit, task.runningAt, ends, "/home/job", "nobody");
        }
        if (sinceSeq < 2 && !clock.get().isBefore(task.runningAt)) {
          return phase(task);
        }
        if (task.script instanceof Scripts.Unused(Duration after)
            && !ending
            && !clock.get().isBefore(task.runningAt.plus(after))) {
          return new TaskNews.ShouldEnd(
              JobTerminationReason.INACTIVITY_DURATION_EXCEEDED, "nobody was there for " + after);
        }
        throw ApplicationFailure.newFailure("nothing new", ErrorKind.NOT_READY.name());
      }
    }

    @Override
    public boolean stopTask(TaskRef ref, JobTerminationReason reason, Duration grace) {
      synchronized (FakeWorld.this) {
        Machine machine = machines.get(ref.instance());
        if (machine == null || !machine.reachable) {
          throw failure(ErrorKind.AGENT_UNREACHABLE, "connection refused");
        }
        Task task = machine.tasks.get(ref.job());
        if (task == null) {
          return false;
        }
        Instant now = clock.get();
        boolean over = task.endsAt != null && !now.isBefore(task.endsAt);
        if (!over) {
          Duration wait =
              switch (task.script) {
                case Scripts.Runs(Duration obeys) -> obeys.compareTo(grace) < 0 ? obeys : grace;
                case Scripts.Exits _, Scripts.Unused _ -> Duration.ZERO;
                case Scripts.Ignores _ -> Duration.ofDays(365);
              };
          task.endsAt = now.plus(wait);
          task.exit = new TaskExit(reason, 143, "");
        }
        return true;
      }
    }

    @Override
    public void removeTask(TaskRef ref) {
      synchronized (FakeWorld.this) {
        Machine machine = machines.get(ref.instance());
        if (machine == null) {
          return;
        }
        if (!machine.reachable) {
          throw failure(ErrorKind.AGENT_UNREACHABLE, "connection refused");
        }
        machine.tasks.remove(ref.job());
      }
    }
  }

  // ---- the cloud

  public final class Cloud implements CloudActivities {
    @Override
    public List<Offer> offers(ProjectId project, BackendType backend, Requirements requirements) {
      synchronized (FakeWorld.this) {
        return offers.stream()
            .filter(offer -> requirements.refusal(offer).isEmpty())
            .sorted(java.util.Comparator.comparingDouble(Offer::price))
            .toList();
      }
    }

    @Override
    public FoundOffers findOffers(ProjectId project, BackendType backend, OfferSearch search) {
      return new FoundOffers(
          offers(project, backend, search.fleet()).stream()
              .filter(offer -> search.region() == null || search.region().equals(offer.region()))
              .filter(offer -> search.wanted() == null || search.wanted().refusal(offer).isEmpty())
              .limit(50)
              .toList(),
          List.of());
    }

    @Override
    public MachineView ensureMachine(MachineOrder order) {
      synchronized (FakeWorld.this) {
        ErrorKind no = noCapacity.get(order.offer().instanceType());
        if (no != null && !machines.containsKey(order.instance())) {
          throw failure(no, "no " + order.offer().instanceType() + " left");
        }
        if (!machines.containsKey(order.instance()) && !created.add(order.instance())) {
          complaints.add("machine created again after its end: " + order.instanceName());
        }
        Machine machine = machines.get(order.instance());
        if (machine == null) {
          machine = new Machine(order.instanceName());
          power(machine);
          machines.put(order.instance(), machine);
        }
        if (machine.up) {
          machine.reachable = true;
        }
        return view(order);
      }
    }

    private MachineView view(MachineOrder order) {
      // What a host of one's own has is known when it has been reached.
      Offer offer =
          order.offer().backend().equals(BackendType.SSH)
              ? Stage.offer(BackendType.SSH, "instance", 4, 0, false)
              : order.offer();
      return new MachineView("m-" + order.instance(), offer, "host-" + order.instanceName());
    }

    @Override
    public MachineView awaitHost(MachineOrder order) {
      synchronized (FakeWorld.this) {
        if (!machines.containsKey(order.instance())) {
          throw failure(ErrorKind.HOST_LOST, "no such machine");
        }
        if (off.contains(order.instanceName())) {
          throw failure(ErrorKind.AGENT_UNREACHABLE, "nobody answers");
        }
        return view(order);
      }
    }

    @Override
    public HostNews watchHost(MachineOrder order, boolean reachable, @Nullable Boolean fit) {
      synchronized (FakeWorld.this) {
        Machine machine = machines.get(order.instance());
        boolean now = machine != null && machine.reachable;
        if (now) {
          machine.tasks.keySet().removeIf(this::isOver);
        }
        if (now != reachable) {
          return new HostNews(now, now ? "" : "connection refused");
        }
        String illness = machine == null ? null : machine.illness;
        if (now && fit != null && fit != (illness == null)) {
          return HostNews.health(illness == null, illness == null ? "well" : illness);
        }
        throw ApplicationFailure.newFailure("nothing new", ErrorKind.NOT_READY.name());
      }
    }

    @Override
    public void terminateMachine(MachineOrder order) {
      synchronized (FakeWorld.this) {
        Machine machine = machines.remove(order.instance());
        created.add(order.instance());
        long wanted =
            machine == null
                ? 0
                : machine.tasks.keySet().stream().filter(job -> !isOver(job)).count();
        if (wanted > 0) {
          complaints.add("machine terminated under " + wanted + " task(s)");
        }
      }
    }

    private boolean isOver(JobId job) {
      JobView view = jobs.get(job);
      return view != null && view.status().isFinal();
    }
  }

  public final class Volumes implements VolumeActivities {
    @Override
    public void attachVolumes(AgentActivities.TaskRef task, List<String> volumes) {
      synchronized (FakeWorld.this) {
        volumes.forEach(
            volume -> {
              if (heldByOthers.contains(volume)) {
                askedFor.add(volume);
                throw failure(ErrorKind.NOT_READY, volume + " is being detached");
              }
            });
        volumes.forEach(
            volume -> attached.computeIfAbsent(volume, _ -> new HashSet<>()).add(task.job()));
      }
    }

    @Override
    public void detachVolumes(AgentActivities.TaskRef task, List<String> volumes) {
      synchronized (FakeWorld.this) {
        volumes.forEach(
            volume -> attached.computeIfAbsent(volume, _ -> new HashSet<>()).remove(task.job()));
      }
    }
  }

  // ---- what is shown

  public final class Views implements ProjectionActivities {
    private void up() {
      if (databaseDown) {
        throw failure(ErrorKind.DATABASE_DOWN, "connection refused");
      }
    }

    @Override
    public void projectRun(RunView view) {
      synchronized (FakeWorld.this) {
        up();
        RunView known = runs.get(view.id());
        if (known == null || known.revision() < view.revision()) {
          runs.put(view.id(), view);
          timeline.addAll(view.events());
        }
      }
    }

    @Override
    public void projectJob(JobView view) {
      synchronized (FakeWorld.this) {
        up();
        JobView known = jobs.get(view.id());
        if (known == null || known.revision() < view.revision()) {
          jobs.put(view.id(), view);
          timeline.addAll(view.events());
        }
      }
    }

    @Override
    public void projectJobs(List<JobView> views) {
      synchronized (FakeWorld.this) {
        up();
        views.forEach(this::projectJob);
      }
    }

    @Override
    public void projectInstance(InstanceView view) {
      synchronized (FakeWorld.this) {
        up();
        InstanceView known = instances.get(view.id());
        if (known == null || known.revision() < view.revision()) {
          instances.put(view.id(), view);
          timeline.addAll(view.events());
        }
      }
    }

    @Override
    public void projectVolume(VolumeView view) {
      synchronized (FakeWorld.this) {
        up();
      }
      volumeProvider.show(view);
    }

    @Override
    public void projectFleet(FleetView view) {
      whenFleetShown.accept(view);
      synchronized (FakeWorld.this) {
        up();
        FleetView known = fleets.get(view.id());
        if (known == null || known.revision() < view.revision()) {
          fleets.put(view.id(), view);
          view.claimed().forEach(claim -> claims.put(claim.job(), claim));
          view.released().forEach(released -> claims.remove(released.job()));
          timeline.addAll(view.events());
        }
      }
    }
  }

  // ---- signals, through a real client

  public final class Engine implements SignalActivities {
    private <W> boolean send(Class<W> type, String id, Consumer<W> signal) {
      try {
        signal.accept(client.get().newWorkflowStub(type, id));
        return true;
      } catch (WorkflowNotFoundException gone) {
        return false;
      }
    }

    @Override
    public boolean fleetReserve(String fleetWorkflowId, ReserveRequest request) {
      return send(FleetWorkflow.class, fleetWorkflowId, fleet -> fleet.reserve(request));
    }

    @Override
    public void fleetRelease(String fleetWorkflowId, ReleaseRequest request) {
      send(FleetWorkflow.class, fleetWorkflowId, fleet -> fleet.release(request));
    }

    @Override
    public void fleetInstanceReported(String fleetWorkflowId, InstanceReport report) {
      send(FleetWorkflow.class, fleetWorkflowId, fleet -> fleet.instanceReported(report));
    }

    @Override
    public void runFleetAnswered(String runWorkflowId, FleetAnswer answer) {
      send(RunWorkflow.class, runWorkflowId, run -> run.fleetAnswered(answer));
    }

    @Override
    public void runJobReported(String runWorkflowId, JobReport report) {
      send(RunWorkflow.class, runWorkflowId, run -> run.jobReported(report));
    }

    @Override
    public void jobStop(String jobWorkflowId, JobStop stop) {
      send(JobWorkflow.class, jobWorkflowId, job -> job.stop(stop));
    }

    @Override
    public void instanceTerminate(String instanceWorkflowId, InstanceTermination termination) {
      send(InstanceWorkflow.class, instanceWorkflowId, one -> one.terminate(termination));
    }

    @Override
    public List<String> closedWorkflows(List<String> workflowIds) {
      return workflowIds.stream().filter(id -> !isOpen(id)).toList();
    }
  }

  boolean isOpen(String workflowId) {
    try {
      return client.get().newUntypedWorkflowStub(workflowId).describe().getStatus()
          == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING;
    } catch (WorkflowNotFoundException gone) {
      return false;
    }
  }
}
