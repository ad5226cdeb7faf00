package dev.dstack.activities.agent;

import dev.dstack.activities.host.AgentDirectory;
import dev.dstack.activities.host.TaskRemoval;
import dev.dstack.activities.metrics.JobSampler;
import dev.dstack.activities.projection.LiveProjection;
import dev.dstack.activities.support.Heartbeats;
import dev.dstack.activities.support.Heartbeats.Beating;
import dev.dstack.activities.support.Pause;
import dev.dstack.backends.HostAgent;
import dev.dstack.db.log.LogStore;
import dev.dstack.db.records.RunSubmissions;
import dev.dstack.db.views.ViewWriter;
import dev.dstack.model.agent.AgentProtocol;
import dev.dstack.model.agent.StopRequest;
import dev.dstack.model.agent.TaskExit;
import dev.dstack.model.agent.TaskInfo;
import dev.dstack.model.agent.TaskStatus;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.workflows.job.AgentActivities;
import dev.dstack.workflows.job.TaskNews;
import java.io.ByteArrayInputStream;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Optional;
import java.util.function.LongSupplier;

/** The calls to host agents that a job makes. */
public final class AgentActivitiesImpl implements AgentActivities {
  /** Long enough for a process to start, short enough for an activity. */
  private static final Duration START_WAIT = Duration.ofSeconds(2);

  private static final Duration WATCH_WAIT = Duration.ofMillis(AgentProtocol.WATCH_WAIT_MILLIS);

  /** How often a pull's progress is shown. */
  private static final Duration PULL_WAIT = Duration.ofSeconds(1);

  /** Lines that come one by one travel in bundles of this time. */
  private static final Duration LOG_BUNDLE = Duration.ofMillis(15);

  private static final Duration RETRY_FIRST = Duration.ofMillis(200);
  private static final Duration RETRY_LAST = Duration.ofSeconds(5);

  /** A log that is longer is left to the watch, which has time. */
  private static final long SHORT_LOG_BYTES = 1024 * 1024;

  private final AgentDirectory directory;
  private final TaskRequests requests;
  private final RunSubmissions runs;
  private final ViewWriter live;
  private final GpuIdleness gpus;
  private final InstantSource clock;
  private final LogStore logs;
  private final Heartbeats heartbeats;
  private final JobSampler sampler;
  private final Duration unreachableAfter;
  private final LongSupplier nanos;

  /**
   * @param logQuotaBytesPerHour output of a job beyond this ends it; 0: no limit
   * @param unreachableAfter how long a watch tries to reach a silent agent before it says so
   */
  public AgentActivitiesImpl(
      AgentDirectory directory,
      RunSources sources,
      ViewWriter live,
      GpuIdleness gpus,
      InstantSource clock,
      LogStore logs,
      Heartbeats heartbeats,
      JobSampler sampler,
      long logQuotaBytesPerHour,
      Duration unreachableAfter) {
    this(
        directory,
        sources,
        live,
        gpus,
        clock,
        logs,
        heartbeats,
        sampler,
        logQuotaBytesPerHour,
        unreachableAfter,
        System::nanoTime);
  }

  /**
   * @param nanos by which silence is measured, like {@link System#nanoTime}
   */
  AgentActivitiesImpl(
      AgentDirectory directory,
      RunSources sources,
      ViewWriter live,
      GpuIdleness gpus,
      InstantSource clock,
      LogStore logs,
      Heartbeats heartbeats,
      JobSampler sampler,
      long logQuotaBytesPerHour,
      Duration unreachableAfter,
      LongSupplier nanos) {
    this.directory = directory;
    this.requests = new TaskRequests(sources, logQuotaBytesPerHour);
    this.runs = sources.runs();
    this.live = live;
    this.gpus = gpus;
    this.clock = clock;
    this.logs = logs;
    this.heartbeats = heartbeats;
    this.sampler = sampler;
    this.unreachableAfter = unreachableAfter;
    this.nanos = nanos;
  }

  @Override
  public TaskNews submitTask(TaskRef task) {
    TaskRequests.Prepared prepared = requests.prepare(task);
    HostAgent agent = directory.agentOf(task.instance());
    prepared.uploads().forEach(upload -> send(agent, upload));
    TaskInfo info = agent.submit(directory.admit(task.instance(), prepared.request()));
    if (info.status().isBeforeStart()) {
      info = started(agent, info);
    }
    if (!info.status().isFinal()) {
      return phase(info);
    }
    if (info.logEnd() > SHORT_LOG_BYTES) {
      // One step back, so that the watch returns at once when it has copied the log.
      return new TaskNews.Phase(
          info.seq() - 1,
          TaskStatus.RUNNING,
          info.startedAt(),
          info.workingDir(),
          info.username(),
          info.ports());
    }
    LogMirror mirror = new LogMirror(logs, task);
    mirror.copy(agent, info.logEnd());
    mirror.complete();
    new RunnerLogMirror(logs, task).finish(agent);
    return exited(info);
  }

  private static void send(HostAgent agent, TaskRequests.Upload upload) {
    if (agent.hasArchive(upload.hash())) {
      return;
    }
    byte[] content = upload.content().get();
    agent.putArchive(upload.hash(), content.length, new ByteArrayInputStream(content));
  }

  private static TaskInfo started(HostAgent agent, TaskInfo submitted) {
    long deadline = System.nanoTime() + START_WAIT.toNanos();
    TaskInfo info = submitted;
    try {
      while (info.status().isBeforeStart()) {
        Duration left = Duration.ofNanos(deadline - System.nanoTime());
        if (left.toMillis() <= 0) {
          return info;
        }
        info = agent.watch(info.id(), info.seq(), Long.MAX_VALUE, left).orElse(info);
      }
      return info;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return info;
    } catch (DstackException _) {
      // It is submitted; what becomes of it is the watch's to find out.
      return info;
    }
  }

  @Override
  public TaskNews watchTask(TaskRef task, long sinceSeq, boolean ending) {
    LogMirror mirror = new LogMirror(logs, task);
    RunnerLogMirror runner = new RunnerLogMirror(logs, task);
    try (Beating beating = heartbeats.start(mirror.offset());
        JobSampler.Sampling sampling =
            sampler.begin(task.job(), task.instance(), runner::copyQuietly)) {
      try {
        return watch(task, sinceSeq, ending, new Mirrors(mirror, runner, sampling), beating);
      } catch (InterruptedException e) {
        beating.check();
        Thread.currentThread().interrupt();
        throw new DstackException(
            ErrorKind.AGENT_UNREACHABLE, "This worker ends; another one goes on watching.", e);
      } catch (RuntimeException e) {
        // An interrupted call fails as if the agent were away.
        beating.check();
        throw e;
      }
    }
  }

  /** What is copied from the host while a task is watched. */
  private record Mirrors(LogMirror log, RunnerLogMirror runner, JobSampler.Sampling sampling) {}

  private TaskNews watch(
      TaskRef task, long sinceSeq, boolean ending, Mirrors mirrors, Beating beating)
      throws InterruptedException {
    LogMirror mirror = mirrors.log();
    Silence silence = new Silence(nanos);
    TaskRules rules = new TaskRules(runs, gpus, clock, task);
    LiveProjection shown = new LiveProjection(live, task.job());
    long seen = sinceSeq;
    Duration wait = WATCH_WAIT;
    HostAgent agent = null;
    while (true) {
      beating.check();
      try {
        if (agent == null) {
          agent = directory.agentOf(task.instance());
          mirrors.sampling().agent(agent);
        }
        Optional<TaskInfo> found = agent.watch(task.job(), seen, mirror.offset(), wait);
        if (found.isEmpty()) {
          return new TaskNews.Unknown();
        }
        TaskInfo info = found.get();
        boolean copied = mirror.copy(agent, info.logEnd());
        beating.details(mirror.offset());
        silence.broken();
        if (info.status().isFinal()) {
          mirror.complete();
          mirrors.runner().finish(agent);
          return exited(info);
        }
        shown.show(info);
        if (info.status().isBeforeStart()) {
          // That it waits for its image has been told.
          seen = Math.max(seen, info.seq());
          wait = PULL_WAIT;
        } else if (info.seq() > sinceSeq) {
          return phase(info);
        } else if (!ending) {
          Optional<TaskNews.ShouldEnd> end = rules.broken(info);
          if (end.isPresent()) {
            return end.get();
          }
          wait = rules.patience(info, WATCH_WAIT);
        }
        if (copied) {
          Pause.of(LOG_BUNDLE);
        }
      } catch (DstackException e) {
        if (Thread.interrupted()) {
          throw new InterruptedException();
        }
        if (e.kind() == ErrorKind.HOST_LOST) {
          return new TaskNews.HostUnreachable(message(e));
        }
        if (e.kind() != ErrorKind.AGENT_UNREACHABLE) {
          throw e;
        }
        // It may come back at another address.
        agent = null;
        mirrors.sampling().agent(null);
        if (silence.lasts() > directory.patience(task.instance(), unreachableAfter).toNanos()) {
          return new TaskNews.HostUnreachable(message(e));
        }
        Pause.of(silence.pause());
      }
    }
  }

  @Override
  public boolean stopTask(TaskRef task, JobTerminationReason reason, Duration grace) {
    try {
      return directory
          .agentOf(task.instance())
          .stop(task.job(), new StopRequest(reason, grace.toSeconds()))
          .isPresent();
    } catch (DstackException e) {
      if (e.kind() == ErrorKind.HOST_LOST) {
        return false;
      }
      throw e;
    }
  }

  @Override
  public void removeTask(TaskRef task) {
    HostAgent agent;
    try {
      agent = directory.agentOf(task.instance());
    } catch (DstackException e) {
      if (e.kind() == ErrorKind.HOST_LOST) {
        return;
      }
      throw e;
    }
    try {
      TaskRemoval.remove(agent, task.job());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new DstackException(
          ErrorKind.NOT_READY, "Waiting for the end of the task was given up.", e);
    }
    directory.dismiss(task.instance(), task.job());
  }

  private static TaskNews phase(TaskInfo info) {
    return new TaskNews.Phase(
        info.seq(),
        info.status(),
        info.startedAt(),
        info.workingDir(),
        info.username(),
        info.ports());
  }

  private static TaskNews exited(TaskInfo info) {
    TaskExit exit = info.exit();
    return new TaskNews.Exited(
        exit == null
            ? new TaskExit(
                JobTerminationReason.EXECUTOR_ERROR,
                null,
                "The host agent did not say how it ended.")
            : exit,
        info.startedAt(),
        info.finishedAt(),
        info.workingDir(),
        info.username());
  }

  private static String message(DstackException e) {
    return String.valueOf(e.getMessage());
  }

  /** How long an agent has not answered. */
  private static final class Silence {
    private final LongSupplier nanos;
    private long since;
    private boolean silent;
    private Duration next = RETRY_FIRST;

    Silence(LongSupplier nanos) {
      this.nanos = nanos;
    }

    void broken() {
      silent = false;
      next = RETRY_FIRST;
    }

    long lasts() {
      if (!silent) {
        silent = true;
        since = nanos.getAsLong();
      }
      return nanos.getAsLong() - since;
    }

    Duration pause() {
      Duration pause = next;
      Duration doubled = next.multipliedBy(2);
      next = doubled.compareTo(RETRY_LAST) > 0 ? RETRY_LAST : doubled;
      return pause;
    }
  }
}
