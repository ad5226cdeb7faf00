package dev.dstack.cli.apply;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.ExitCode;
import dev.dstack.cli.Session;
import dev.dstack.cli.apply.FollowEvent.Answer;
import dev.dstack.cli.apply.FollowEvent.AttachIsSlow;
import dev.dstack.cli.apply.FollowEvent.Attached;
import dev.dstack.cli.apply.FollowEvent.ConnectionLost;
import dev.dstack.cli.apply.FollowEvent.Failed;
import dev.dstack.cli.apply.FollowEvent.Interrupted;
import dev.dstack.cli.apply.FollowEvent.NotAttached;
import dev.dstack.cli.apply.FollowEvent.Output;
import dev.dstack.cli.apply.FollowEvent.OutputEnded;
import dev.dstack.cli.apply.FollowEvent.ServerAway;
import dev.dstack.cli.apply.FollowEvent.Snapshot;
import dev.dstack.cli.attach.Attachment;
import dev.dstack.cli.attach.PortsLock;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.run.Jobs;
import dev.dstack.cli.run.RunTable;
import dev.dstack.cli.term.StatusLine;
import dev.dstack.cli.term.Style;
import dev.dstack.cli.term.Terminal;
import dev.dstack.cli.term.Times;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.jspecify.annotations.Nullable;

/**
 * Follows a run: its state until it is final, a connection to one of its jobs while that runs, the
 * output of that job without loss. Threads ask for the state, wait for output and connect, Ctrl-C
 * comes from another; all they do is to put events into a queue that this one works off.
 *
 * <p>The answer is the run's real final state. A server that is away is waited for: the run does
 * not need the terminal.
 */
public final class RunFollower {
  /** What the person wants of the run. */
  public enum Mode {
    /** It was submitted here: Ctrl-C is about the run. */
    APPLY,
    /** It is to be reached from here: Ctrl-C is about the connection. */
    ATTACH,
    /** Only its output. */
    OUTPUT
  }

  /**
   * @param yes nobody wants to be asked
   * @param output whether the job's output is shown
   * @param replica null: one that runs
   * @param promised local ports that were promised beforehand
   */
  public record Options(
      Mode mode,
      boolean yes,
      boolean output,
      @Nullable Integer replica,
      int job,
      @Nullable String startTime,
      boolean diagnose,
      Attachment.Options attach,
      @Nullable PortsLock promised) {

    static Options apply(boolean yes, Attachment.Options attach, @Nullable PortsLock promised) {
      return new Options(Mode.APPLY, yes, true, 0, 0, null, false, attach, promised);
    }
  }

  private final Cli cli;
  private final Session session;
  private final Terminal terminal;
  private final Options options;
  private final String name;
  private final BlockingQueue<FollowEvent> events = new LinkedBlockingQueue<>();
  private final RunWatch watch;
  private final StatusLine status;
  private final Connector connector;
  private final StopDialogue dialogue;
  private Doc run;
  private @Nullable Integer replica;
  private long attempt = -1;
  private boolean announced;
  private boolean waysTold;
  private @Nullable OutputThread output;
  private boolean outputEnded;
  private boolean midLine;
  private final List<Output> held = new ArrayList<>();

  public RunFollower(Cli cli, Session session, Doc run, Options options) {
    this.cli = cli;
    this.session = session;
    this.terminal = cli.terminal();
    this.run = run;
    this.options = options;
    this.replica = options.replica();
    this.name = run.at("run_spec", "run_name").text("-");
    this.watch = new RunWatch(session, run.get("id").text(""), events);
    this.status = new StatusLine(terminal);
    this.dialogue = new StopDialogue(terminal, session, name, options.yes(), events, status, watch);
    this.connector = new Connector(cli, session, events, options.attach(), options.promised());
  }

  /**
   * @return the exit code
   */
  public int follow() {
    cli.interrupts().onInterrupt(() -> events.add(new Interrupted()));
    events.add(new Snapshot(run));
    watch.start();
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
      watch.end();
      connector.close();
      OutputThread open = output;
      if (open != null) {
        open.abandon();
      }
    }
  }

  private @Nullable Integer handle(FollowEvent event) {
    switch (event) {
      case Snapshot(Doc seen) -> seen(seen);
      case Output output -> {
        if (dialogue.isAsking()) {
          held.add(output); // the question stays readable
        } else {
          write(output);
        }
      }
      case OutputEnded(OutputThread thread) -> outputEnded |= thread == output;
      case Attached(Attachment attachment) -> {
        if (connector.isCurrent(attachment)) {
          connector.attached();
          announce();
          readOutput(attachment);
          showState();
        } else {
          attachment.close();
        }
      }
      case NotAttached(Attachment attachment, String why) -> {
        if (connector.isCurrent(attachment)) {
          notAttached(why);
        }
      }
      case AttachIsSlow(Attachment attachment) -> {
        if (connector.isCurrent(attachment) && !connector.isAttached()) {
          announce();
          readOutput(null);
        }
      }
      case ConnectionLost(Attachment attachment) -> {
        if (connector.isCurrent(attachment)) {
          connector.again(attachment);
        }
      }
      case ServerAway(CliException why, Duration since) -> away(why, since);
      case Failed(CliException why) -> throw why;
      case Interrupted() -> {
        return interrupted();
      }
      case Answer(Boolean stop) -> {
        Integer exit = dialogue.answered(stop);
        if (exit == null) {
          writeHeld();
        }
        return exit;
      }
    }
    boolean told = output == null || outputEnded;
    if (told && Jobs.isFinal(submission())) {
      connector.giveUp();
    }
    return told && RunTable.isFinal(run) ? (Integer) finished() : null;
  }

  private void seen(Doc seen) {
    run = seen;
    Doc job = job();
    Doc submission = job.get("job_submissions").last();
    String submissionId = submission.get("id").text();
    if (submissionId != null) {
      long number = submission.get("submission_num").integer(0);
      if (number == attempt) {
        // An attempt can get another id while it is accepted; its number says that it is the same.
        OutputThread open = output;
        if (open != null) {
          open.renamed(submissionId);
        }
      } else {
        next(number);
      }
      boolean over = RunTable.isFinal(run) || Jobs.isEnding(submission);
      boolean wanted = options.mode() != Mode.OUTPUT;
      if (wanted && submission.get("status").is("running") && !RunTable.isFinal(run)) {
        connector.connect(run, job);
      } else if (over || !wanted) {
        readOutput(null);
      }
    }
    OutputThread open = output;
    if (open != null && (RunTable.isFinal(run) || Jobs.isFinal(submission))) {
      open.finish();
    }
    showState();
  }

  /** A retried run has a new submission: the old one has no more to say than it has said. */
  private void next(long number) {
    attempt = number;
    connector.reset();
    OutputThread open = output;
    if (open != null) {
      open.finish();
    }
    output = null;
    outputEnded = false;
    announced = false;
    waysTold = false;
  }

  private void readOutput(@Nullable Attachment from) {
    String id = submission().get("id").text();
    if (output != null || !options.output() || id == null) {
      return;
    }
    boolean live = from != null && options.startTime() == null && !options.diagnose();
    LogPoller poller = new LogPoller(session, name, id, options.startTime(), options.diagnose());
    OutputThread thread = new OutputThread(session, events, poller, live ? from : null);
    output = thread;
    outputEnded = false;
    thread.start();
  }

  private void notAttached(String why) {
    if (connector.wasAttached()) {
      connector.again();
      return;
    }
    connector.giveUp();
    Doc submission = submission();
    if (RunTable.isFinal(run) || Jobs.isEnding(submission)) {
      return; // it was too quick for that
    }
    if (options.mode() == Mode.ATTACH) {
      status.close();
      throw CliException.failure("Can't attach to " + name + ": " + why + ".");
    }
    announce();
    above(
        () ->
            terminal.prose(
                "Not attached: " + why + ". Its output comes from the server.", Style.YELLOW));
    readOutput(null);
  }

  private void showState() {
    if (!dialogue.isQuiet() || options.mode() == Mode.OUTPUT) {
      return;
    }
    Doc submission = submission();
    boolean runs = submission.get("status").is("running");
    boolean ends = Jobs.isEnding(submission) && run.get("status").is("running");
    if (RunTable.isFinal(run) || ends) {
      status.show("");
    } else if (runs && connector.isLost()) {
      say(name + "  the connection is lost, connecting again", "");
    } else if (runs && !terminal.interactiveOutput()) {
      status.show(""); // what comes next says it
    } else if (runs && connector.isAttached()) {
      say(FollowView.idle(name, run, submission, options.output()), "");
    } else if (runs) {
      say(announced ? "" : name + "  attaching", "");
    } else if (!announced || !run.get("status").is("terminating")) {
      say(name + "  " + FollowView.state(run, submission), FollowView.progress(submission));
    } else {
      status.show("");
    }
  }

  /** Once for each attempt; the ways into it when there are some. */
  private void announce() {
    Attachment attachment = connector.attachment();
    boolean ways = attachment != null && !waysTold;
    if (announced && !ways) {
      return;
    }
    boolean first = !announced;
    announced = true;
    waysTold |= ways;
    Doc job = job();
    above(
        () -> {
          if (first) {
            terminal.prose(FollowView.running(run, job.get("job_submissions").last()), Style.DIM);
          }
          if (attachment != null && ways) {
            FollowView.ways(terminal, run, job, attachment, options.attach().bind());
          }
          boolean asks = options.mode() == Mode.APPLY;
          terminal.prose(asks ? "Ctrl-C asks whether to stop it." : "Ctrl-C detaches.", Style.DIM);
        });
  }

  private void writeHeld() {
    held.forEach(this::write);
    held.clear();
  }

  private void write(Output event) {
    List<byte[]> pieces = event.pieces();
    status.above(() -> pieces.forEach(terminal::raw));
    byte[] last = pieces.getLast();
    midLine = last.length > 0 ? last[last.length - 1] != '\n' : midLine;
    event.from().written();
  }

  /** What this command says itself starts a line, also after output that ended without one. */
  private void say(String text, String detail) {
    if (!text.isEmpty()) {
      startLine();
    }
    status.show(text, detail);
  }

  private void above(Runnable write) {
    startLine();
    status.above(write);
  }

  private void startLine() {
    if (midLine) {
      midLine = false;
      status.above(() -> terminal.print("\n"));
    }
  }

  /** The job that is followed; where none was named, one that runs, and from then on that one. */
  private Doc job() {
    Doc found = Jobs.find(run, replica, options.job());
    if (replica == null && found.get("job_submissions").last().get("status").is("running")) {
      replica = (int) found.at("job_spec", "replica_num").integer(0);
    }
    return found;
  }

  private Doc submission() {
    return job().get("job_submissions").last();
  }

  private int finished() {
    writeHeld();
    status.close();
    if (options.mode() == Mode.OUTPUT) {
      return ExitCode.OK;
    }
    connector.close();
    startLine();
    if (dialogue.isStopping() && !run.get("status").is("done")) {
      terminal.line("Stopped");
      return ExitCode.INTERRUPTED;
    }
    return FollowView.finished(terminal, run);
  }

  private void away(CliException why, Duration since) {
    if (since.compareTo(OutputThread.AWAY) >= 0) {
      throw CliException.failure(
          why.text()
              + "\nGave up after "
              + Times.elapsed(since)
              + ". The run goes on without this terminal: `dstack ps`.");
    }
    say(name + "  the server is not reachable, trying again (the run goes on)", "");
  }

  private @Nullable Integer interrupted() {
    return switch (options.mode()) {
      case OUTPUT -> ExitCode.INTERRUPTED;
      case ATTACH -> {
        status.close();
        terminal.line("\nDetached");
        yield ExitCode.OK;
      }
      case APPLY -> dialogue.interrupted();
    };
  }
}
