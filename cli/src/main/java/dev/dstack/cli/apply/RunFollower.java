package dev.dstack.cli.apply;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.ExitCode;
import dev.dstack.cli.Session;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.http.ApiClient;
import dev.dstack.cli.http.ApiException;
import dev.dstack.cli.http.ServerUnreachableException;
import dev.dstack.cli.run.Formats;
import dev.dstack.cli.run.RunTable;
import dev.dstack.cli.term.StatusLine;
import dev.dstack.cli.term.Style;
import dev.dstack.cli.term.Terminal;
import dev.dstack.cli.term.Times;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Follows a run: its state until it is final, the output of one of its jobs without loss. One
 * thread asks for the state, one waits for output, Ctrl-C comes from a third; all they do is to put
 * events into a queue that this one works off.
 *
 * <p>The answer is the run's real final state. A server that is away is waited for: the run does
 * not need the terminal.
 */
public final class RunFollower {
  private static final Duration AWAY = Duration.ofMinutes(10);
  private static final Duration LONG_POLL = Duration.ofSeconds(15);

  /** A server that holds answers does not give an empty one so fast. */
  private static final long QUICK_MILLIS = 200;

  private sealed interface Event {}

  private record Snapshot(Doc run) implements Event {}

  private record Output(List<byte[]> pieces) implements Event {}

  private record OutputEnded(LogThread thread) implements Event {}

  private record ServerAway(CliException why, Duration since) implements Event {}

  private record Failed(CliException why) implements Event {}

  private record Interrupted() implements Event {}

  private record Answer(@Nullable Boolean stop) implements Event {}

  private enum Phase {
    FOLLOWING,
    ASKING,
    STOPPING
  }

  /**
   * @param attached the person started the run here: its state is shown and Ctrl-C is about it
   * @param yes nobody wants to be asked
   */
  public record Options(
      boolean attached,
      boolean yes,
      long replica,
      long job,
      @Nullable String startTime,
      boolean diagnose) {}

  private final Cli cli;
  private final Session session;
  private final Terminal terminal;
  private final Options options;
  private final String name;
  private final String id;
  private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
  private final Semaphore look = new Semaphore(0);
  private final StatusLine status;
  private Doc run;
  private Phase phase = Phase.FOLLOWING;
  private @Nullable LogThread logs;
  private boolean announced;
  private boolean midLine;
  private volatile boolean over;

  private RunFollower(Cli cli, Session session, Doc run, Options options) {
    this.cli = cli;
    this.session = session;
    this.terminal = cli.terminal();
    this.run = run;
    this.options = options;
    this.name = run.at("run_spec", "run_name").text("-");
    this.id = run.get("id").text("");
    this.status = new StatusLine(terminal);
  }

  static RunFollower toTheEnd(Cli cli, Session session, Doc run, boolean yes) {
    return new RunFollower(cli, session, run, new Options(true, yes, 0, 0, null, false));
  }

  public static RunFollower ofOutput(Cli cli, Session session, Doc run, Options options) {
    return new RunFollower(cli, session, run, options);
  }

  /**
   * @return the exit code
   */
  public int follow() {
    cli.interrupts().onInterrupt(() -> events.add(new Interrupted()));
    events.add(new Snapshot(run));
    Thread.ofPlatform().daemon().name("run-state").start(this::watch);
    try (status) {
      while (true) {
        Integer exit = handle(events.take());
        if (exit != null) {
          return exit;
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return ExitCode.INTERRUPTED;
    } finally {
      over = true;
      look.release();
      LogThread open = logs;
      if (open != null) {
        open.abandon();
      }
    }
  }

  private @Nullable Integer handle(Event event) {
    return switch (event) {
      case Snapshot(Doc seen) -> {
        seen(seen);
        yield null;
      }
      case Output(List<byte[]> pieces) -> {
        write(pieces);
        yield null;
      }
      case OutputEnded(LogThread thread) -> {
        if (thread == logs) {
          logs = null;
        }
        yield RunTable.isFinal(run) && logs == null ? (Integer) finished() : null;
      }
      case ServerAway(CliException why, Duration since) -> away(why, since);
      case Failed(CliException why) -> throw why;
      case Interrupted() -> interrupted();
      case Answer(Boolean stop) -> answered(stop);
    };
  }

  private void seen(Doc seen) {
    run = seen;
    Doc submission = submission();
    String submissionId = submission.get("id").text();
    if (submissionId != null) {
      read(submissionId, submission.get("submission_num").integer(0));
    }
    boolean isFinal = RunTable.isFinal(run);
    if (isFinal) {
      LogThread open = logs;
      if (open == null) {
        events.add(new OutputEnded(new LogThread("", 0)));
      } else {
        open.finish();
      }
    }
    if (phase == Phase.FOLLOWING && options.attached()) {
      showState(submission, isFinal);
    }
  }

  /** An attempt can get another id while it is accepted; its number says that it is the same. */
  private void read(String submissionId, long number) {
    LogThread open = logs;
    if (open != null && open.number == number) {
      open.poller.renamed(submissionId);
      return;
    }
    if (open != null) {
      open.finish();
    }
    LogThread next = new LogThread(submissionId, number);
    logs = next;
    next.start();
  }

  private void showState(Doc submission, boolean isFinal) {
    String state = run.get("status").text("");
    boolean produces = submission.get("status").is("running") || state.equals("running");
    if (produces && !announced) {
      announced = true;
      status.show("");
      announce(submission);
    } else if (produces || isFinal) {
      status.show("");
    } else if (!announced || !state.equals("terminating")) {
      announced &= !state.equals("pending") && !state.equals("submitted");
      say(name + "  " + stateText(submission));
    }
  }

  private String stateText(Doc submission) {
    Doc pull = submission.get("image_pull_progress");
    if (submission.get("status").is("pulling") && !pull.isNull()) {
      return "pulling " + RunTable.pull(pull);
    }
    String text = RunTable.status(run);
    Instant next = run.get("next_triggered_at").instant();
    return next == null ? text : text + ", next " + Times.local(next);
  }

  private void announce(Doc submission) {
    Doc provisioning = submission.get("job_provisioning_data");
    String where =
        provisioning.isNull()
            ? ""
            : " on "
                + Formats.backend(provisioning.get("backend"), provisioning.get("region"))
                + " "
                + provisioning.get("instance_type").get("name").text("");
    terminal.prose(
        name + " is running" + where.stripTrailing() + ". Ctrl-C asks whether to stop it.",
        Style.DIM);
  }

  private void write(List<byte[]> pieces) {
    if (options.attached() && !announced && !RunTable.isFinal(run)) {
      // Output can be here before the news that the run is running.
      announced = true;
      status.show("");
      announce(submission());
    }
    status.above(() -> pieces.forEach(terminal::raw));
    byte[] last = pieces.getLast();
    midLine = last.length > 0 && last[last.length - 1] != '\n';
  }

  /** What this command says itself starts a line, also after output that ended without one. */
  private void say(String text) {
    if (midLine && !text.isEmpty()) {
      midLine = false;
      terminal.print("\n");
    }
    status.show(text);
  }

  /** The job whose output is shown. */
  private Doc submission() {
    for (Doc job : run.get("jobs").items()) {
      if (job.at("job_spec", "replica_num").integer(0) == options.replica()
          && job.at("job_spec", "job_num").integer(0) == options.job()) {
        return job.get("job_submissions").last();
      }
    }
    return Doc.NULL;
  }

  private int finished() {
    status.close();
    if (!options.attached()) {
      return ExitCode.OK;
    }
    if (midLine) {
      terminal.print("\n");
    }
    boolean done = run.get("status").is("done");
    if (phase == Phase.STOPPING && !done) {
      terminal.line("Stopped");
      return ExitCode.INTERRUPTED;
    }
    Doc latest = run.get("latest_job_submission");
    String words = capitalised(RunTable.status(run));
    if (done) {
      terminal.line(words, Style.GREEN);
      return ExitCode.OK;
    }
    String error = latest.get("error").text(run.get("error").text(""));
    boolean more = !error.isEmpty() && !error.equalsIgnoreCase(words);
    terminal.line(words + (more ? " (" + error + ")" : ""), Style.RED);
    String message = latest.get("termination_reason_message").text("");
    if (!message.isEmpty()) {
      terminal.line(message, Style.RED);
    }
    return ExitCode.FAILED;
  }

  private static String capitalised(String text) {
    return text.isEmpty()
        ? text
        : text.substring(0, 1).toUpperCase(Locale.ROOT) + text.substring(1);
  }

  private @Nullable Integer away(CliException why, Duration since) {
    if (since.compareTo(AWAY) >= 0) {
      throw CliException.failure(
          why.text()
              + "\nGave up after "
              + Times.elapsed(since)
              + ". The run goes on without this terminal: `dstack ps`.");
    }
    say(name + "  the server is not reachable, trying again (the run goes on)");
    return null;
  }

  private @Nullable Integer interrupted() {
    if (!options.attached()) {
      return ExitCode.INTERRUPTED;
    }
    return switch (phase) {
      case FOLLOWING -> {
        status.show("");
        if (options.yes() || !terminal.interactiveInput()) {
          yield detached();
        }
        phase = Phase.ASKING;
        Thread.ofPlatform()
            .daemon()
            .name("question")
            .start(() -> events.add(new Answer(terminal.ask("\nStop the run " + name + "?"))));
        yield null;
      }
      case ASKING, STOPPING -> {
        status.show("");
        stop(true);
        terminal.line("\nAborted");
        yield ExitCode.INTERRUPTED;
      }
    };
  }

  private @Nullable Integer answered(@Nullable Boolean stop) {
    if (!Boolean.TRUE.equals(stop)) {
      return detached();
    }
    phase = Phase.STOPPING;
    say("Stopping " + name);
    stop(false);
    look.release();
    return null;
  }

  private int detached() {
    status.close();
    terminal.prose(
        "\nDetached. The run "
            + name
            + " goes on: `dstack logs "
            + name
            + "` follows it, `dstack stop "
            + name
            + "` ends it.",
        Style.PLAIN);
    return ExitCode.INTERRUPTED;
  }

  private void stop(boolean abort) {
    Map<String, @Nullable Object> body = new LinkedHashMap<>();
    body.put("runs_names", List.of(name));
    body.put("abort", abort);
    session.post("/runs/stop", body);
  }

  /** Asks for the state, often while it changes often. */
  private void watch() {
    Map<String, @Nullable Object> body = new LinkedHashMap<>();
    body.put("run_name", null);
    body.put("id", id);
    long awaySince = 0;
    long changed = System.nanoTime();
    String last = "";
    try (ApiClient api = session.api().another()) {
      while (!over) {
        long pause = pauseMillis(System.nanoTime() - changed);
        try {
          Doc seen = api.post(session.path("/runs/get"), body);
          String state =
              RunTable.status(seen)
                  + seen.get("jobs").last().get("job_submissions").last().get("status");
          if (!state.equals(last)) {
            last = state;
            changed = System.nanoTime();
          }
          awaySince = 0;
          events.add(new Snapshot(seen));
          if (RunTable.isFinal(seen)) {
            return;
          }
        } catch (ServerUnreachableException | ApiException e) {
          if (!isPassing(e)) {
            events.add(new Failed(e));
            return;
          }
          long now = System.nanoTime();
          awaySince = awaySince == 0 ? now : awaySince;
          events.add(new ServerAway(e, Duration.ofNanos(now - awaySince)));
          pause = 1000;
        }
        if (look.tryAcquire(pause, TimeUnit.MILLISECONDS)) {
          look.drainPermits();
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      events.add(new Failed(CliException.failure("This is a bug of the command line: " + e, e)));
    }
  }

  /**
   * A server that is away or in trouble: the run does not need it, so neither do we for a while.
   */
  private static boolean isPassing(CliException e) {
    return e instanceof ServerUnreachableException
        || (e instanceof ApiException answer && answer.status() >= 500);
  }

  private static long pauseMillis(long unchangedNanos) {
    long seconds = TimeUnit.NANOSECONDS.toSeconds(unchangedNanos);
    return seconds < 3 ? 100 : seconds < 15 ? 250 : 1000;
  }

  /** Waits for the output of one submission. */
  private final class LogThread {
    private final long number;
    private final LogPoller poller;
    private final Object lock = new Object();
    private @Nullable ApiClient waiting;
    private boolean finishing;
    private boolean abandoned;

    LogThread(String submissionId, long number) {
      this.number = number;
      this.poller =
          new LogPoller(session, name, submissionId, options.startTime(), options.diagnose());
    }

    void start() {
      Thread.ofPlatform().daemon().name("run-output").start(this::run);
    }

    /** There will be no more output than the server has now: read that and end. */
    void finish() {
      ApiClient open;
      synchronized (lock) {
        finishing = true;
        open = waiting;
        waiting = null;
        lock.notifyAll();
      }
      if (open != null) {
        open.close();
      }
    }

    void abandon() {
      synchronized (lock) {
        abandoned = true;
      }
      finish();
    }

    private void run() {
      try {
        int quick = 0;
        while (!isFinishing()) {
          long asked = System.nanoTime();
          int came = wait(LONG_POLL);
          long took = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - asked);
          quick = came > 0 || took >= QUICK_MILLIS ? 0 : quick + 1;
          if (quick > 0) {
            // The job has not begun, or this server does not hold answers, or it is away.
            pause(came < 0 ? 500 : quick < 50 ? 100 : 500);
          }
        }
        drain();
      } catch (RuntimeException e) {
        events.add(
            new Failed(
                e instanceof CliException told
                    ? told
                    : CliException.failure("This is a bug of the command line: " + e, e)));
      } finally {
        events.add(new OutputEnded(this));
      }
    }

    private boolean isFinishing() {
      synchronized (lock) {
        return finishing;
      }
    }

    private void pause(long millis) {
      long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
      synchronized (lock) {
        try {
          for (long left = millis; !finishing && left > 0; ) {
            lock.wait(left);
            left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
          }
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          finishing = true;
        }
      }
    }

    /** How many pieces came; -1 when the server could not be asked. */
    private int wait(Duration wait) {
      ApiClient api;
      synchronized (lock) {
        if (finishing) {
          return 0;
        }
        api = waiting == null || waiting.closed() ? session.api().another() : waiting;
        waiting = api;
      }
      try {
        return give(poller.poll(api, wait));
      } catch (ServerUnreachableException e) {
        return -1;
      } catch (ApiException e) {
        // The submission may be so new that the server has no output of it yet.
        if (e.status() < 500 && !e.isNotFound()) {
          throw e;
        }
        return -1;
      }
    }

    private void drain() {
      try (ApiClient api = session.api().another()) {
        int failures = 0;
        while (!isAbandoned()) {
          try {
            if (give(poller.poll(api, Duration.ZERO)) == 0) {
              return;
            }
          } catch (ServerUnreachableException | ApiException e) {
            if (e instanceof ApiException answer && answer.isNotFound()) {
              return;
            }
            if (!isPassing(e) || ++failures > AWAY.toSeconds()) {
              throw e;
            }
            sleep();
          }
        }
      }
    }

    private void sleep() {
      try {
        TimeUnit.SECONDS.sleep(1);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    private boolean isAbandoned() {
      synchronized (lock) {
        return abandoned;
      }
    }

    private int give(List<byte[]> pieces) {
      if (!pieces.isEmpty()) {
        events.add(new Output(pieces));
      }
      return pieces.size();
    }
  }
}
