package dev.dstack.workflows.job;

import dev.dstack.model.agent.TaskExit;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.job.JobStatus;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.workflows.job.JobState.Phase;
import dev.dstack.workflows.support.Facts;
import dev.dstack.workflows.support.Failures;
import dev.dstack.workflows.view.JobView;
import dev.dstack.workflows.view.TimelineEvent;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Decides what a job does next. No clock, no calls: state and event in, state and commands out. */
final class JobDecider {
  /** After the grace, how long the end may take to be told before the task is removed by force. */
  static final Duration FORCE_MARGIN = Duration.ofSeconds(60);

  /** How long a stop lets a submission that is under way go on. */
  static final Duration SUBMIT_PATIENCE = Duration.ofSeconds(5);

  /** The agent enforces {@code max_duration} by itself; this much later the server does. */
  static final Duration BACKSTOP_MARGIN = Duration.ofMinutes(2);

  record Decision(JobState state, List<JobCommand> commands) {
    Decision {
      commands = List.copyOf(commands);
    }
  }

  private final JobInput input;
  private final JobState.Draft job;
  private final Instant now;
  private final List<JobCommand> commands = new ArrayList<>();
  private final List<TimelineEvent> facts = new ArrayList<>();
  private boolean visible;
  private boolean told;

  private JobDecider(JobInput input, JobState state, Instant now) {
    this.input = input;
    this.job = new JobState.Draft(state);
    this.now = now;
  }

  static Decision decide(JobInput input, JobState state, JobEvent event, Instant now) {
    JobDecider decider = new JobDecider(input, state, now);
    if (state.phase() != Phase.ENDED) {
      decider.on(event);
    }
    return decider.decision();
  }

  private void on(JobEvent event) {
    switch (event) {
      case JobEvent.Begin _ -> begin();
      case JobEvent.Attached _ -> attached();
      case JobEvent.AttachFailed(String message) -> attachFailed(message);
      case JobEvent.News(TaskNews news) -> news(news);
      case JobEvent.SubmitFailed(ErrorKind kind, String message) -> submitFailed(kind, message);
      case JobEvent.SubmitCanceled _ -> endAsAsked();
      case JobEvent.WatchFailed(String message) -> hostLost(message);
      case JobEvent.StopAsked(JobStop stop) -> stopAsked(stop);
      case JobEvent.Cleaned(List<String> problems) -> cleaned(problems);
      case JobEvent.Tick(Instant at) -> tick(at);
    }
  }

  private void begin() {
    if (input.node()) {
      job.status = JobStatus.PROVISIONING;
    } else {
      to(JobStatus.PROVISIONING, null);
    }
    if (input.volumes().isEmpty()) {
      job.phase = Phase.SUBMITTING;
      commands.add(new JobCommand.Submit());
    } else {
      job.phase = Phase.ATTACHING;
      commands.add(new JobCommand.AttachVolumes());
    }
  }

  private void attached() {
    if (job.phase != Phase.ATTACHING) {
      return;
    }
    if (job.stop != null) {
      endAsAsked();
    } else {
      job.phase = Phase.SUBMITTING;
      commands.add(new JobCommand.Submit());
    }
  }

  private void attachFailed(String message) {
    if (job.phase != Phase.ATTACHING) {
      return;
    }
    if (job.stop != null) {
      endAsAsked();
    } else {
      end(JobTerminationReason.VOLUME_ERROR, message, null);
    }
  }

  private void news(TaskNews news) {
    if (job.phase != Phase.SUBMITTING && job.phase != Phase.WATCHING) {
      return;
    }
    switch (news) {
      case TaskNews.Phase phase -> phase(phase);
      case TaskNews.Exited exited -> {
        seen(exited.startedAt(), exited.workingDir(), exited.username());
        exited(exited.exit());
      }
      case TaskNews.ShouldEnd(JobTerminationReason reason, String message) -> {
        if (job.stop == null) {
          stopAsked(new JobStop(reason, message, input.stopDuration()));
        }
        commands.add(new JobCommand.Watch(job.newsSeq));
      }
      case TaskNews.Unknown _ -> {
        if (job.stop != null) {
          endAsAsked();
        } else {
          end(lostReason(), "the host does not know the task any more", null);
        }
      }
      case TaskNews.HostUnreachable(String message) -> hostLost(message);
    }
  }

  private void phase(TaskNews.Phase phase) {
    job.newsSeq = Math.max(job.newsSeq, phase.seq());
    seen(phase.startedAt(), phase.workingDir(), phase.username());
    job.ports = phase.ports().isEmpty() ? job.ports : phase.ports();
    switch (phase.status()) {
      case PREPARING, PULLING -> {
        if (job.status == JobStatus.PROVISIONING) {
          to(JobStatus.PULLING, null);
          told = true;
        }
      }
      case RUNNING -> {
        if (job.runningAt == null) {
          job.runningAt = now;
        }
        if (job.status == JobStatus.PROVISIONING || job.status == JobStatus.PULLING) {
          to(JobStatus.RUNNING, null);
          told = true;
          if (input.maxDuration() != null) {
            job.backstopAt = now.plus(input.maxDuration()).plus(BACKSTOP_MARGIN);
          }
        }
      }
      case EXITED -> {
        // The watch brings the exit with the whole log.
      }
    }
    boolean submitted = job.phase == Phase.SUBMITTING;
    job.phase = Phase.WATCHING;
    commands.add(new JobCommand.Watch(job.newsSeq));
    if (submitted && job.stop != null) {
      askAgent(job.stop);
    }
  }

  private void seen(
      @Nullable Instant startedAt, @Nullable String workingDir, @Nullable String username) {
    job.runningAt = job.runningAt == null ? startedAt : job.runningAt;
    job.workingDir = workingDir == null ? job.workingDir : workingDir;
    job.username = username == null ? job.username : username;
  }

  private void exited(TaskExit exit) {
    // What was asked for is the reason, even where the process took its TERM for a success.
    JobTerminationReason reason = job.stop == null ? exit.reason() : job.stop.reason();
    String message =
        exit.message().isEmpty() && job.stop != null ? job.stop.message() : exit.message();
    // Of a node that was not needed any more its status says nothing.
    boolean dismissed = job.stop != null && reason == JobTerminationReason.DONE_BY_RUNNER;
    end(reason, message, dismissed ? null : exit.exitStatus());
  }

  private void submitFailed(ErrorKind kind, String message) {
    if (job.stop != null) {
      endAsAsked();
      return;
    }
    JobTerminationReason reason =
        switch (kind) {
          // As upstream: what the user's own values did wrong is not retried.
          case SECRET_NOT_FOUND, INVALID_SPEC, FILE_NOT_FOUND, NOT_FOUND, FORBIDDEN ->
              JobTerminationReason.TERMINATED_BY_SERVER;
          case IMAGE_NOT_FOUND, REGISTRY_DENIED -> JobTerminationReason.CREATING_CONTAINER_ERROR;
          case PORT_TAKEN -> JobTerminationReason.PORTS_BINDING_FAILED;
          case AGENT_UNREACHABLE, HOST_LOST, TIMED_OUT -> lostReason();
          case NAME_TAKEN,
              NO_CAPACITY,
              QUOTA_EXCEEDED,
              BACKEND_DENIED,
              IDEMPOTENCY_MISMATCH,
              BACKEND_THROTTLED,
              BACKEND_UNAVAILABLE,
              AGENT_REFUSED,
              DATABASE_DOWN,
              ENGINE_DOWN,
              DISK_FULL,
              NOT_READY,
              BUG ->
              JobTerminationReason.EXECUTOR_ERROR;
        };
    end(reason, message, null);
  }

  private void hostLost(String message) {
    if (job.phase != Phase.SUBMITTING && job.phase != Phase.WATCHING) {
      return;
    }
    if (job.stop != null) {
      endAsAsked();
    } else {
      end(lostReason(), message, null);
    }
  }

  /** A spot machine that is gone was taken away; an on-demand one is broken. */
  private JobTerminationReason lostReason() {
    return input.placement().offer().resources().spot()
        ? JobTerminationReason.INTERRUPTED_BY_NO_CAPACITY
        : JobTerminationReason.INSTANCE_UNREACHABLE;
  }

  private void stopAsked(JobStop stop) {
    if (job.phase == Phase.CLEANING) {
      return;
    }
    boolean first = job.stop == null;
    boolean harder = job.stop != null && stop.grace().isZero() && !job.stop.grace().isZero();
    if (!first && !harder) {
      return;
    }
    job.stop = stop;
    if (first) {
      to(JobStatus.TERMINATING, stop.reason());
    }
    switch (job.phase) {
      case NEW, CLEANING, ENDED -> {
        // Goes on with what is under way.
      }
      case ATTACHING, SUBMITTING -> {
        if (first) {
          // It takes a moment, and what it started is easier stopped than guessed.
          job.forceAt = now.plus(SUBMIT_PATIENCE);
        }
      }
      case WATCHING -> askAgent(stop);
    }
  }

  private void askAgent(JobStop stop) {
    job.forceAt = now.plus(stop.grace()).plus(FORCE_MARGIN);
    commands.add(new JobCommand.AskAgentToStop(stop.reason(), stop.grace()));
  }

  private void tick(Instant at) {
    boolean starting = job.phase == Phase.ATTACHING || job.phase == Phase.SUBMITTING;
    if (starting && job.stop != null && job.forceAt != null) {
      if (!at.isBefore(job.forceAt)) {
        job.forceAt = null;
        // Attaching may wait for minutes until another run lets go of the volume.
        commands.add(
            job.phase == Phase.ATTACHING
                ? new JobCommand.CancelAttach()
                : new JobCommand.CancelSubmit());
      }
      return;
    }
    if (job.phase != Phase.WATCHING) {
      return;
    }
    if (job.stop != null) {
      if (job.forceAt != null && !at.isBefore(job.forceAt)) {
        end(
            job.stop.reason(),
            "did not stop within " + words(job.stop.grace()) + " and was removed by force",
            null);
      }
    } else if (job.backstopAt != null && !at.isBefore(job.backstopAt)) {
      stopAsked(
          new JobStop(
              JobTerminationReason.MAX_DURATION_EXCEEDED,
              "max_duration of " + words(input.maxDuration()) + " exceeded",
              input.stopDuration()));
    }
  }

  private static String words(@Nullable Duration duration) {
    return duration == null
        ? "unlimited time"
        : duration.toString().substring(2).toLowerCase(Locale.ROOT);
  }

  private void endAsAsked() {
    if (job.stop == null) {
      end(JobTerminationReason.TERMINATED_BY_SERVER, "the submission was called off", null);
    } else {
      end(job.stop.reason(), job.stop.message(), null);
    }
  }

  private void end(JobTerminationReason reason, String message, @Nullable Integer exitStatus) {
    if (job.phase == Phase.CLEANING) {
      return;
    }
    if (job.phase == Phase.WATCHING) {
      commands.add(new JobCommand.CancelWatch());
    }
    job.phase = Phase.CLEANING;
    job.reason = reason;
    job.message = Failures.cut(message);
    job.exitStatus = exitStatus;
    commands.add(new JobCommand.CleanUp());
  }

  private void cleaned(List<String> problems) {
    JobTerminationReason reason =
        job.reason == null ? JobTerminationReason.TERMINATED_BY_SERVER : job.reason;
    if (job.status != JobStatus.TERMINATING) {
      to(JobStatus.TERMINATING, reason);
    }
    if (!problems.isEmpty()) {
      fact("Job left something behind for the host to clean up: " + String.join("; ", problems));
    }
    job.finishedAt = now;
    to(reason.finalStatus(), null);
    job.phase = Phase.ENDED;
    told = true;
  }

  private void to(JobStatus next, @Nullable JobTerminationReason reason) {
    if (!job.status.canBecome(next)) {
      throw new IllegalStateException("job can't go from " + job.status + " to " + next);
    }
    facts.add(
        Facts.statusChanged(
            now, "Job", job.status, next, reason, Facts.job(input.id(), input.jobName())));
    job.status = next;
    visible = true;
  }

  private void fact(String text) {
    facts.add(
        Facts.fact(
            now,
            text,
            Facts.job(input.id(), input.jobName()),
            Facts.instance(input.placement().instance(), input.placement().instanceName())));
    visible = true;
  }

  private Decision decision() {
    if (visible) {
      job.revision++;
      commands.add(new JobCommand.Show(view()));
    }
    if (told) {
      job.reportSeq++;
      commands.add(
          new JobCommand.Tell(
              new JobReport(
                  input.id(),
                  input.replicaNum(),
                  input.jobNum(),
                  input.submissionNum(),
                  job.reportSeq,
                  job.status,
                  job.reason,
                  job.message,
                  job.exitStatus)));
    }
    return new Decision(job.freeze(), commands);
  }

  private JobView view() {
    JobTerminationReason reason =
        job.reason == null && job.stop != null ? job.stop.reason() : job.reason;
    String shown =
        job.status.isFinal() && reason != null ? reason.shown(job.exitStatus) : job.status.wire();
    String why = job.stop != null && job.message.isEmpty() ? job.stop.message() : job.message;
    return new JobView(
        input.id(),
        input.run(),
        input.projectId(),
        input.replicaNum(),
        input.jobNum(),
        input.submissionNum(),
        input.jobName(),
        job.revision,
        job.status,
        shown,
        reason,
        why.isEmpty() ? null : why,
        job.exitStatus,
        input.placement(),
        job.workingDir,
        job.username,
        job.ports,
        input.submittedAt(),
        now,
        job.runningAt,
        job.finishedAt,
        facts);
  }
}
