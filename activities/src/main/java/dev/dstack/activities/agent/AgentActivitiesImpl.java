package dev.dstack.activities.agent;

import dev.dstack.activities.Failures;
import dev.dstack.backends.HostAgent;
import dev.dstack.db.log.LogKey;
import dev.dstack.db.log.LogStore;
import dev.dstack.db.records.FileStore;
import dev.dstack.model.agent.AgentProtocol;
import dev.dstack.model.agent.StopRequest;
import dev.dstack.model.agent.TaskExit;
import dev.dstack.model.agent.TaskInfo;
import dev.dstack.model.agent.TaskRequest;
import dev.dstack.model.agent.TaskStatus;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.workflows.job.AgentActivities;
import dev.dstack.workflows.job.TaskNews;
import io.temporal.activity.Activity;
import io.temporal.activity.ActivityExecutionContext;
import java.io.ByteArrayInputStream;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Calls host agents. Holds no state of its own: the agent, the records and the length of the stored
 * log are the state.
 */
public final class AgentActivitiesImpl implements AgentActivities {
  private static final Logger log = LoggerFactory.getLogger(AgentActivitiesImpl.class);

  /** How long a submission waits for the task to start: a short one costs no extra step then. */
  private static final Duration START_WAIT = Duration.ofSeconds(2);

  /** How long a submission goes on watching a started task: a trivial one ends within it. */
  private static final Duration QUICK_END_WAIT = Duration.ofMillis(150);

  /** One long poll; also how often a quiet watch heartbeats. */
  private static final Duration POLL = Duration.ofSeconds(5);

  /** After this long without an answer the workflow is told. */
  private static final Duration UNREACHABLE_AFTER = Duration.ofMinutes(2);

  private static final Duration RETRY_FIRST = Duration.ofMillis(200);
  private static final Duration RETRY_MAX = Duration.ofSeconds(2);

  /** A kill takes effect at once; this is for a host under load. */
  private static final Duration KILL_WAIT = Duration.ofSeconds(10);

  private final AgentDirectory agents;
  private final TaskRequests requests;
  private final FileStore files;
  private final LogStore logs;
  private final InstantSource clock;

  public AgentActivitiesImpl(
      AgentDirectory agents,
      TaskRequests requests,
      FileStore files,
      LogStore logs,
      InstantSource clock) {
    this.agents = agents;
    this.requests = requests;
    this.files = files;
    this.logs = logs;
    this.clock = clock;
  }

  @Override
  public TaskNews submitTask(TaskRef task) {
    try {
      HostAgent agent = agents.agent(task.instance());
      TaskRequest request = requests.of(task);
      for (int i = 0; i < request.files().size(); i++) {
        sendArchive(agent, request.files().get(i), task);
      }
      TaskInfo info = agent.submit(request);
      log.info(
          "job {} of run {} submitted to its host: {}", task.job(), task.runName(), info.status());
      info = follow(agent, task, info, START_WAIT, TaskStatus.PREPARING);
      info = follow(agent, task, info, QUICK_END_WAIT, TaskStatus.RUNNING);
      return news(info);
    } catch (DstackException e) {
      agents.forget(task.instance());
      throw Failures.of(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Failures.of(ErrorKind.AGENT_UNREACHABLE, "The worker is shutting down");
    }
  }

  @Override
  public TaskNews watchTask(TaskRef task, long sinceSeq) {
    ActivityExecutionContext context = Activity.getExecutionContext();
    Instant lastAnswer = clock.instant();
    Duration pause = RETRY_FIRST;
    while (true) {
      try {
        context.heartbeat(sinceSeq);
        HostAgent agent = agents.agent(task.instance());
        Optional<TaskInfo> seen = agent.watch(task.job(), sinceSeq, logs.length(key(task)), POLL);
        lastAnswer = clock.instant();
        pause = RETRY_FIRST;
        if (seen.isEmpty()) {
          return new TaskNews.Unknown();
        }
        TaskInfo info = seen.get();
        copyLog(agent, task, info.logEnd());
        if (info.seq() > sinceSeq) {
          return news(info);
        }
      } catch (DstackException e) {
        agents.forget(task.instance());
        if (!e.kind().retryable()) {
          if (e.kind() == ErrorKind.HOST_LOST) {
            return new TaskNews.HostUnreachable(String.valueOf(e.getMessage()));
          }
          throw Failures.of(e);
        }
        // A full disk or a database that is away on our side says nothing about the host.
        boolean hostSilent = e.kind() == ErrorKind.AGENT_UNREACHABLE;
        if (!hostSilent) {
          lastAnswer = clock.instant();
        }
        if (Duration.between(lastAnswer, clock.instant()).compareTo(UNREACHABLE_AFTER) > 0) {
          return new TaskNews.HostUnreachable(String.valueOf(e.getMessage()));
        }
        log.warn("job {}: {}; trying again", task.job(), e.getMessage());
        pause = pausedFor(pause);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw Failures.of(ErrorKind.AGENT_UNREACHABLE, "The worker is shutting down");
      }
    }
  }

  @Override
  public boolean stopTask(TaskRef task, JobTerminationReason reason, Duration grace) {
    try {
      Optional<TaskInfo> stopped =
          agents
              .agent(task.instance())
              .stop(task.job(), new StopRequest(reason, grace.toSeconds()));
      log.info("job {} of run {}: {} asked of its host", task.job(), task.runName(), reason.wire());
      return stopped.isPresent();
    } catch (DstackException e) {
      agents.forget(task.instance());
      if (e.kind() == ErrorKind.HOST_LOST) {
        return false;
      }
      throw Failures.of(e);
    }
  }

  @Override
  public void removeTask(TaskRef task) {
    try {
      HostAgent agent = agents.agent(task.instance());
      Optional<TaskInfo> left =
          agent.stop(task.job(), new StopRequest(JobTerminationReason.TERMINATED_BY_SERVER, 0));
      if (left.isPresent() && !left.get().status().isFinal()) {
        follow(agent, task, left.get(), KILL_WAIT, left.get().status());
      }
      agent.remove(task.job());
    } catch (DstackException e) {
      agents.forget(task.instance());
      if (e.kind() != ErrorKind.HOST_LOST) {
        throw Failures.of(e);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Failures.of(ErrorKind.AGENT_UNREACHABLE, "The worker is shutting down");
    }
  }

  private void sendArchive(HostAgent agent, TaskRequest.FileMount file, TaskRef task) {
    if (agent.hasArchive(file.hash())) {
      return;
    }
    byte[] blob =
        requests
            .archive(task, file.hash())
            .flatMap((UUID id) -> files.content(id).map(FileStore.StoredArchive::blob))
            .orElseThrow(
                () ->
                    new DstackException(
                        ErrorKind.FILE_NOT_FOUND,
                        "The archive for `files` path " + file.path() + " has been deleted"));
    agent.putArchive(file.hash(), blob.length, new ByteArrayInputStream(blob));
  }

  /** Copies the log while the task stays in a status, for at most so long. */
  private TaskInfo follow(
      HostAgent agent, TaskRef task, TaskInfo start, Duration atMost, TaskStatus whileIn)
      throws InterruptedException {
    TaskInfo info = start;
    Instant until = clock.instant().plus(atMost);
    while (true) {
      copyLog(agent, task, info.logEnd());
      Duration left = Duration.between(clock.instant(), until);
      if (info.status() != whileIn || !left.isPositive()) {
        return info;
      }
      Optional<TaskInfo> next = agent.watch(task.job(), info.seq(), info.logEnd(), left);
      if (next.isEmpty()) {
        return info;
      }
      info = next.get();
    }
  }

  private void copyLog(HostAgent agent, TaskRef task, long end) {
    LogKey key = key(task);
    long offset = logs.length(key);
    while (offset < end) {
      byte[] piece = agent.readLog(task.job(), offset, AgentProtocol.LOG_READ_BYTES);
      if (piece.length == 0) {
        return;
      }
      logs.write(key, offset, piece);
      offset += piece.length;
    }
  }

  private static LogKey key(TaskRef task) {
    return new LogKey(task.project(), task.runName(), task.job());
  }

  private static TaskNews news(TaskInfo info) {
    @Nullable TaskExit exit = info.exit();
    if (exit != null && info.status().isFinal()) {
      return new TaskNews.Exited(
          exit, info.startedAt(), info.finishedAt(), info.workingDir(), info.username());
    }
    return new TaskNews.Phase(
        info.seq(), info.status(), info.startedAt(), info.workingDir(), info.username());
  }

  private static Duration pausedFor(Duration pause) {
    try {
      Thread.sleep(pause);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Failures.of(ErrorKind.AGENT_UNREACHABLE, "The worker is shutting down");
    }
    Duration doubled = pause.multipliedBy(2);
    return doubled.compareTo(RETRY_MAX) > 0 ? RETRY_MAX : doubled;
  }
}
