package dev.dstack.activities.volume;

import dev.dstack.activities.host.AgentDirectory;
import dev.dstack.activities.support.Pause;
import dev.dstack.activities.support.WorkflowCalls;
import dev.dstack.db.records.InstanceMachine;
import dev.dstack.db.records.JobVolume;
import dev.dstack.db.records.RunSubmissions;
import dev.dstack.db.records.VolumeRecord;
import dev.dstack.db.records.Volumes;
import dev.dstack.db.views.InstanceReader;
import dev.dstack.db.views.InstanceRow;
import dev.dstack.db.views.ViewWriter;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.WorkflowIds;
import dev.dstack.model.json.Json;
import dev.dstack.model.offer.Offer;
import dev.dstack.workflows.job.AgentActivities.TaskRef;
import dev.dstack.workflows.job.VolumeActivities;
import dev.dstack.workflows.run.RunPlan;
import dev.dstack.workflows.volume.AttachRequest;
import dev.dstack.workflows.volume.VolumeAnswer;
import dev.dstack.workflows.volume.VolumePlan;
import dev.dstack.workflows.volume.VolumeWorkflow;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Asks the workflows of a job's volumes for them and waits. Only they talk to providers, one call
 * after the other for each volume, so that two jobs can't undo each other's work.
 */
public final class VolumeActivitiesImpl implements VolumeActivities {
  /** One call waits only briefly: a job that is stopped meanwhile wants to hear of it. */
  private static final Duration PATIENCE = Duration.ofSeconds(4);

  private static final Duration PAUSE_MIN = Duration.ofMillis(50);
  private static final Duration PAUSE_MAX = Duration.ofMillis(800);
  private static final Duration STOP_DURATION = Duration.ofMinutes(5);

  private final AgentDirectory directory;
  private final InstanceReader instances;
  private final Volumes volumes;
  private final RunSubmissions runs;
  private final ViewWriter views;
  private final WorkflowCalls calls;
  private final Supplier<String> caller;

  /**
   * @param caller id of the workflow that calls, as long as which the volumes stay with it
   */
  public VolumeActivitiesImpl(
      AgentDirectory directory,
      InstanceReader instances,
      Volumes volumes,
      RunSubmissions runs,
      ViewWriter views,
      WorkflowCalls calls,
      Supplier<String> caller) {
    this.directory = directory;
    this.instances = instances;
    this.volumes = volumes;
    this.runs = runs;
    this.views = views;
    this.calls = calls;
    this.caller = caller;
  }

  @Override
  public void attachVolumes(TaskRef task, List<String> mounts) {
    if (mounts.isEmpty()) {
      return;
    }
    InstanceMachine machine = directory.machine(task.instance());
    Offer offer = Json.lenient().readValue(machine.offerJson(), Offer.class);
    AttachRequest request = request(task, machine);
    Set<String> taken = new LinkedHashSet<>();
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    for (int position = 0; position < mounts.size(); position++) {
      attach(task, request, offer, position, mounts.get(position), taken, deadline);
    }
    views.writeJobVolumes(task.job(), List.copyOf(taken));
  }

  private void attach(
      TaskRef task,
      AttachRequest request,
      Offer offer,
      int position,
      String mount,
      Set<String> taken,
      long deadline) {
    List<String> problems = new ArrayList<>();
    for (VolumeRecord volume : candidates(task, offer, mount, problems)) {
      if (taken.contains(volume.name())) {
        problems.add("volume " + volume.name() + " is mounted by this job already");
        continue;
      }
      String workflowId = WorkflowIds.volume(volume.project(), volume.name());
      if (!calls.signal(VolumeWorkflow.class, workflowId, one -> one.attach(request))) {
        throw new DstackException(
            ErrorKind.NOT_READY, "Volume " + volume.name() + " has not been started yet.");
      }
      switch (await(workflowId, task, deadline, false)) {
        case VolumeAnswer.Attached attached -> {
          taken.add(volume.name());
          volumes.attached(
              new JobVolume(
                  task.job(),
                  position,
                  volume.id(),
                  volume.name(),
                  attached.providerId(),
                  attached.device(),
                  attached.directory(),
                  attached.format()));
          return;
        }
        case VolumeAnswer.Refused(ErrorKind _, String message) -> problems.add(message);
        case VolumeAnswer.None _ ->
            problems.add("volume " + volume.name() + " was taken away from this job");
        case VolumeAnswer.Pending(String message) ->
            throw new DstackException(
                ErrorKind.NOT_READY, "Volume " + volume.name() + " " + message + ".");
      }
    }
    throw new DstackException(ErrorKind.INVALID_SPEC, String.join("; ", problems));
  }

  /** Those of the alternatives that can be on this machine, in the order they were given. */
  private List<VolumeRecord> candidates(
      TaskRef task, Offer offer, String mount, List<String> problems) {
    List<VolumeRecord> found = new ArrayList<>();
    for (String name : mount.split(",")) {
      Optional<VolumeRecord> volume = volumes.find(task.projectId(), name);
      if (volume.isEmpty()) {
        problems.add("volume " + name + " does not exist (any more)");
        continue;
      }
      VolumePlan plan = Json.lenient().readValue(volume.get().planJson(), VolumePlan.class);
      String zone = plan.availabilityZone();
      boolean zoneFits =
          zone == null
              || offer.zones().isEmpty()
              || offer.zones().stream().anyMatch(zone::equalsIgnoreCase);
      if (!plan.backend().equals(offer.backend())
          || !plan.region().equalsIgnoreCase(offer.region())
          || !zoneFits) {
        problems.add(
            "volume "
                + name
                + " is in "
                + plan.backend().wire()
                + " "
                + plan.region()
                + (zone == null ? "" : " " + zone)
                + ", the instance in "
                + offer.backend().wire()
                + " "
                + offer.region());
        continue;
      }
      found.add(volume.get());
    }
    return found;
  }

  private AttachRequest request(TaskRef task, InstanceMachine machine) {
    @Nullable InstanceRow row = instances.get(task.instance()).orElse(null);
    Duration stop =
        runs.find(task.run())
            .map(run -> Json.lenient().readValue(run.planJson(), RunPlan.class).stopDuration())
            .orElse(STOP_DURATION);
    return new AttachRequest(
        task.job(),
        caller.get(),
        task.runName(),
        new AttachRequest.Host(
            task.instance(),
            row == null ? task.instance().toString() : row.view().name(),
            row == null ? 0 : row.view().number(),
            row == null ? "" : row.view().fleetName(),
            machine.providerId()),
        stop);
  }

  @Override
  public void detachVolumes(TaskRef task, List<String> mounts) {
    // One that was asked for and refused may have been attached all the same.
    Set<String> names =
        mounts.stream()
            .flatMap(mount -> Arrays.stream(mount.split(",")))
            .collect(Collectors.toCollection(LinkedHashSet::new));
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    for (String name : names) {
      calls.signal(
          VolumeWorkflow.class,
          WorkflowIds.volume(task.project(), name),
          volume -> volume.detach(task.job()));
    }
    for (String name : names) {
      VolumeAnswer answer = await(WorkflowIds.volume(task.project(), name), task, deadline, true);
      if (!(answer instanceof VolumeAnswer.None)) {
        String message = answer instanceof VolumeAnswer.Pending(String why) ? why : "is still used";
        throw new DstackException(ErrorKind.NOT_READY, "Volume " + name + " " + message + ".");
      }
    }
    volumes.detached(task.job());
  }

  /** The answer, or that it is still pending after the time that one call takes. */
  private VolumeAnswer await(String workflowId, TaskRef task, long deadline, boolean leaving) {
    Duration pause = PAUSE_MIN;
    while (true) {
      VolumeAnswer answer =
          calls
              .ask(VolumeWorkflow.class, workflowId, volume -> volume.answer(task.job()))
              .orElseGet(VolumeAnswer.None::new);
      boolean settled = leaving ? answer instanceof VolumeAnswer.None : !pending(answer);
      if (settled || System.nanoTime() - deadline > 0) {
        return answer;
      }
      try {
        Pause.of(pause);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new DstackException(ErrorKind.NOT_READY, "This worker ends.", e);
      }
      pause = pause.multipliedBy(2).compareTo(PAUSE_MAX) > 0 ? PAUSE_MAX : pause.multipliedBy(2);
    }
  }

  private static boolean pending(VolumeAnswer answer) {
    return answer instanceof VolumeAnswer.Pending;
  }
}
