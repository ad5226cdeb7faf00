package dev.dstack.backends.scripted;

import dev.dstack.model.agent.LogFrame;
import dev.dstack.model.agent.TaskExit;
import dev.dstack.model.agent.TaskInfo;
import dev.dstack.model.agent.TaskStatus;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.job.JobTerminationReason;
import java.io.ByteArrayOutputStream;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A task whose whole life follows from what is stored here and the time. Only stopping changes it.
 */
record SimulatedTask(
    JobId id,
    String name,
    String workingDir,
    String username,
    Instant submittedAt,
    @Nullable Long maxDurationSeconds,
    long stopGraceSeconds,
    JobScript script,
    @Nullable Stop stop) {
  private static final long PREPARING_SEQ = 1;
  private static final long RUNNING_SEQ = 2;
  private static final long EXITED_SEQ = 3;
  private static final int TERM_STATUS = 143;
  private static final int KILL_STATUS = 137;

  /** Somebody asked it to end. */
  record Stop(JobTerminationReason reason, Instant at, Instant killAt) {}

  private record End(Instant at, TaskExit exit) {}

  SimulatedTask stopped(JobTerminationReason reason, Instant now, Duration grace) {
    Instant killAt = now.plus(grace);
    Stop earlier = stop;
    Stop next =
        earlier == null
            ? new Stop(reason, now, killAt)
            : new Stop(
                earlier.reason(),
                earlier.at(),
                killAt.isBefore(earlier.killAt()) ? killAt : earlier.killAt());
    return new SimulatedTask(
        id,
        name,
        workingDir,
        username,
        submittedAt,
        maxDurationSeconds,
        stopGraceSeconds,
        script,
        next);
  }

  Instant startsAt() {
    return submittedAt.plusMillis(script.startDelayMillis());
  }

  /** How and when it ends, as things stand. */
  private End end() {
    Instant starts = startsAt();
    boolean good = script.exitStatus() == 0;
    End natural =
        new End(
            starts.plusMillis(script.durationMillis()),
            new TaskExit(
                good
                    ? JobTerminationReason.DONE_BY_RUNNER
                    : JobTerminationReason.CONTAINER_EXITED_WITH_ERROR,
                script.exitStatus(),
                ""));
    End end = natural;
    if (maxDurationSeconds != null) {
      Instant limit = starts.plusSeconds(maxDurationSeconds);
      end =
          sooner(
              end,
              ended(
                  JobTerminationReason.MAX_DURATION_EXCEEDED,
                  limit,
                  limit.plusSeconds(stopGraceSeconds)));
    }
    if (stop != null && stop.at().isBefore(end.at())) {
      end =
          stop.at().isBefore(starts)
              ? new End(stop.at(), new TaskExit(stop.reason(), null, ""))
              : sooner(end, ended(stop.reason(), stop.at(), stop.killAt()));
    }
    return end;
  }

  private End ended(JobTerminationReason reason, Instant term, Instant kill) {
    Instant willing = term.plusMillis(script.stopDelayMillis());
    boolean killed = willing.isAfter(kill) || kill.equals(term);
    return new End(
        killed ? kill : willing, new TaskExit(reason, killed ? KILL_STATUS : TERM_STATUS, ""));
  }

  private static End sooner(End a, End b) {
    return b.at().isBefore(a.at()) ? b : a;
  }

  TaskInfo at(Instant now) {
    End end = end();
    Instant starts = startsAt();
    boolean exited = !now.isBefore(end.at());
    boolean started = !now.isBefore(starts) && !end.at().isBefore(starts);
    TaskStatus status =
        exited ? TaskStatus.EXITED : started ? TaskStatus.RUNNING : TaskStatus.PREPARING;
    long seq =
        switch (status) {
          case PREPARING, PULLING -> PREPARING_SEQ;
          case RUNNING -> RUNNING_SEQ;
          case EXITED -> EXITED_SEQ;
        };
    return new TaskInfo(
        id,
        status,
        seq,
        linesAt(now) * frameBytes(),
        started ? starts : null,
        exited ? end.at() : null,
        workingDir,
        username,
        exited ? end.exit() : null);
  }

  /** When the next thing happens that a watcher of this seq and offset waits for. */
  Optional<Instant> nextNews(long since, long logOffset, Instant now) {
    TaskInfo info = at(now);
    if (info.seq() > since || info.logEnd() > logOffset || info.status().isFinal()) {
      return Optional.of(now);
    }
    Instant end = end().at();
    Instant next =
        info.status() == TaskStatus.PREPARING && startsAt().isBefore(end) ? startsAt() : end;
    long wantedLine = logOffset / frameBytes();
    if (wantedLine < script.lines()) {
      Instant printed = timeOf(wantedLine);
      if (printed.isBefore(next)) {
        next = printed;
      }
    }
    return Optional.of(next);
  }

  private long frameBytes() {
    return LogFrame.HEADER_BYTES + (long) script.line(0).length;
  }

  private Instant timeOf(long line) {
    return script.linesPerSecond() == 0
        ? startsAt()
        : startsAt().plus(Math.round(line * 1e6 / script.linesPerSecond()), ChronoUnit.MICROS);
  }

  /** How many lines there are by then; a line printed at the moment of the end still counts. */
  private long linesAt(Instant now) {
    End end = end();
    Instant until = now.isBefore(end.at()) ? now : end.at();
    if (until.isBefore(startsAt())) {
      return 0;
    }
    if (script.linesPerSecond() == 0) {
      return script.lines();
    }
    double seconds = Duration.between(startsAt(), until).toNanos() / 1e9;
    long count = Math.min(script.lines(), (long) Math.floor(seconds * script.linesPerSecond()) + 1);
    // Rounding must not show a line before its time, or it would have another place later.
    while (count > 0 && timeOf(count - 1).isAfter(until)) {
      count--;
    }
    return count;
  }

  /** What a runner would have said by then. */
  String runnerLog(Instant now) {
    TaskInfo info = at(now);
    StringBuilder text = new StringBuilder();
    text.append(submittedAt).append(" The task ").append(name).append(" is accepted\n");
    if (info.startedAt() != null) {
      text.append(info.startedAt()).append(" The simulated command runs\n");
    }
    TaskExit exit = info.exit();
    if (exit != null) {
      text.append(info.finishedAt()).append(" It ended: ").append(exit.reason().wire());
      text.append(exit.exitStatus() == null ? "\n" : ", exit status " + exit.exitStatus() + "\n");
    }
    return text.toString();
  }

  byte[] log(long offset, int limit, Instant now) {
    long size = frameBytes();
    long end = linesAt(now) * size;
    long length = Math.min(limit, end - offset);
    if (length <= 0) {
      return new byte[0];
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream((int) length);
    long line = offset / size;
    int skip = (int) (offset % size);
    while (out.size() < length) {
      byte[] frame = new LogFrame(timeOf(line), LogFrame.Source.STDOUT, script.line(line)).encode();
      out.write(frame, skip, (int) Math.min(frame.length - skip, length - out.size()));
      skip = 0;
      line++;
    }
    return out.toByteArray();
  }
}
