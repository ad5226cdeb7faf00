package dev.dstack.backends.scripted;

import dev.dstack.backends.HostAgent;
import dev.dstack.backends.InstanceTag;
import dev.dstack.model.agent.HostInfo;
import dev.dstack.model.agent.StopRequest;
import dev.dstack.model.agent.TaskInfo;
import dev.dstack.model.agent.TaskMetrics;
import dev.dstack.model.agent.TaskRequest;
import dev.dstack.model.agent.TaskStatus;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.JobId;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** The agent of a simulated machine. It has no thread and no state of its own. */
final class SimulatedAgent implements HostAgent {
  private static final String VERSION = "scripted";

  /** Another process may have stopped the task: a wait is never longer than this without a look. */
  private static final Duration LOOK = Duration.ofSeconds(2);

  private final World world;
  private final InstanceTag tag;
  private final JobScript script;
  private final InstantSource clock;
  private final Waiters waiters;

  SimulatedAgent(
      World world, InstanceTag tag, JobScript script, InstantSource clock, Waiters waiters) {
    this.world = world;
    this.tag = tag;
    this.script = script;
    this.clock = clock;
    this.waiters = waiters;
  }

  private World.StoredMachine machine() {
    Instant now = clock.instant();
    World.StoredMachine machine =
        world
            .machine(tag)
            .orElseThrow(
                () ->
                    new DstackException(
                        ErrorKind.AGENT_UNREACHABLE, "the machine " + tag.token() + " is gone"));
    if (machine.isLost(now)) {
      throw new DstackException(
          ErrorKind.AGENT_UNREACHABLE, "the machine " + tag.token() + " was lost, by its script");
    }
    if (now.isBefore(machine.readyAt())) {
      throw new DstackException(
          ErrorKind.AGENT_UNREACHABLE, "the machine " + tag.token() + " is still starting");
    }
    return machine;
  }

  @Override
  public HostInfo info() {
    World.StoredMachine machine = machine();
    return new HostInfo(VERSION, machine.name(), tag.token(), machine.offer().resources());
  }

  @Override
  public boolean hasArchive(String sha256) {
    machine();
    return true;
  }

  @Override
  public void putArchive(String sha256, long length, InputStream tar) {
    machine();
    try {
      tar.transferTo(OutputStream.nullOutputStream());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public TaskInfo submit(TaskRequest request) {
    machine();
    JobScript own = script.with(request.env());
    return world.exclusively(
        () -> {
          Optional<SimulatedTask> known = world.task(tag, request.id());
          Instant now = clock.instant();
          if (known.isPresent()) {
            return known.get().at(now);
          }
          String workingDir = request.workingDir();
          String user = request.user();
          SimulatedTask task =
              new SimulatedTask(
                  request.id(),
                  request.name(),
                  workingDir == null ? "/" : workingDir,
                  user == null ? "root" : user,
                  // As it is stored, so that every reader computes the same.
                  now.truncatedTo(ChronoUnit.MICROS),
                  request.maxDurationSeconds(),
                  Math.max(0, request.stopGraceSeconds()),
                  own,
                  null);
          world.store(tag, task);
          return task.at(now);
        });
  }

  @Override
  public List<TaskInfo> tasks() {
    machine();
    Instant now = clock.instant();
    return world.tasks(tag).stream().map(task -> task.at(now)).toList();
  }

  @Override
  public Optional<TaskInfo> watch(JobId id, long since, long logOffset, Duration wait)
      throws InterruptedException {
    Instant deadline = clock.instant().plus(wait);
    while (true) {
      machine();
      long ticket = waiters.ticket(id);
      Optional<SimulatedTask> task = world.task(tag, id);
      if (task.isEmpty()) {
        return Optional.empty();
      }
      Instant now = clock.instant();
      Instant next = task.get().nextNews(since, logOffset, now).orElse(deadline);
      if (!next.isAfter(now) || !deadline.isAfter(now)) {
        return Optional.of(task.get().at(now));
      }
      Instant until = next.isBefore(deadline) ? next : deadline;
      Duration left = Duration.between(now, until);
      waiters.await(id, ticket, left.compareTo(LOOK) < 0 ? left : LOOK);
    }
  }

  @Override
  public byte[] readLog(JobId id, long offset, int limit) {
    machine();
    Instant now = clock.instant();
    return world
        .task(tag, id)
        .map(task -> task.log(offset, limit, now))
        .orElseThrow(
            () -> new DstackException(ErrorKind.AGENT_REFUSED, "there is no task " + id + " here"));
  }

  @Override
  public byte[] readRunnerLog(JobId id, long offset, int limit) {
    machine();
    byte[] text =
        world
            .task(tag, id)
            .map(task -> task.runnerLog(clock.instant()))
            .orElse("")
            .getBytes(StandardCharsets.UTF_8);
    int from = (int) Math.min(offset, text.length);
    return Arrays.copyOfRange(text, from, (int) Math.min((long) from + limit, text.length));
  }

  @Override
  public Optional<TaskMetrics> metrics(JobId id) {
    World.StoredMachine machine = machine();
    Instant now = clock.instant();
    return world
        .task(tag, id)
        .filter(task -> task.at(now).status() == TaskStatus.RUNNING)
        .map(
            task ->
                SimulatedMetrics.of(
                    machine.offer().resources(), task.startsAt(), task.script().gpuUtil(), now));
  }

  @Override
  public Optional<String> dcgm() {
    World.StoredMachine machine = machine();
    return Optional.ofNullable(
        SimulatedMetrics.dcgm(machine.offer().resources(), machine.readyAt(), clock.instant()));
  }

  @Override
  public Optional<TaskInfo> stop(JobId id, StopRequest request) {
    machine();
    Optional<TaskInfo> info =
        world.exclusively(
            () -> {
              Optional<SimulatedTask> task = world.task(tag, id);
              if (task.isEmpty()) {
                return Optional.empty();
              }
              Instant now = clock.instant();
              if (task.get().at(now).status().isFinal()) {
                return Optional.of(task.get().at(now));
              }
              SimulatedTask stopped =
                  task.get()
                      .stopped(
                          request.reason(),
                          now,
                          Duration.ofSeconds(Math.max(0, request.graceSeconds())));
              world.store(tag, stopped);
              return Optional.of(stopped.at(now));
            });
    waiters.wake(id);
    return info;
  }

  @Override
  public void remove(JobId id) {
    machine();
    world.exclusively(
        () -> {
          Optional<SimulatedTask> task = world.task(tag, id);
          if (task.isPresent() && !task.get().at(clock.instant()).status().isFinal()) {
            throw new DstackException(
                ErrorKind.NOT_READY, "the task " + id + " still runs; stop it first");
          }
          world.removeTask(tag, id);
          return true;
        });
    waiters.wake(id);
  }

  @Override
  public void close() {
    // Nothing is held.
  }
}
