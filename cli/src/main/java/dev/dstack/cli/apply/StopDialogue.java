package dev.dstack.cli.apply;

import dev.dstack.cli.ExitCode;
import dev.dstack.cli.Session;
import dev.dstack.cli.apply.FollowEvent.Answer;
import dev.dstack.cli.term.StatusLine;
import dev.dstack.cli.term.Style;
import dev.dstack.cli.term.Terminal;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import org.jspecify.annotations.Nullable;

/**
 * What Ctrl-C means in {@code apply}: the first asks whether to stop the run, the second aborts it.
 * Where nobody can be asked, or wants to be, it only detaches.
 */
final class StopDialogue {
  private enum Phase {
    QUIET,
    ASKING,
    STOPPING
  }

  private final Terminal terminal;
  private final Session session;
  private final String name;
  private final boolean yes;
  private final BlockingQueue<FollowEvent> events;
  private final StatusLine status;
  private final RunWatch watch;
  private Phase phase = Phase.QUIET;

  StopDialogue(
      Terminal terminal,
      Session session,
      String name,
      boolean yes,
      BlockingQueue<FollowEvent> events,
      StatusLine status,
      RunWatch watch) {
    this.terminal = terminal;
    this.session = session;
    this.name = name;
    this.yes = yes;
    this.events = events;
    this.status = status;
    this.watch = watch;
  }

  boolean isQuiet() {
    return phase == Phase.QUIET;
  }

  boolean isAsking() {
    return phase == Phase.ASKING;
  }

  boolean isStopping() {
    return phase == Phase.STOPPING;
  }

  /**
   * @return the exit code; null to go on
   */
  @Nullable Integer interrupted() {
    status.show("");
    return switch (phase) {
      case QUIET -> {
        if (yes || !terminal.interactiveInput()) {
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
        stop(true);
        terminal.line("\nAborted");
        yield ExitCode.INTERRUPTED;
      }
    };
  }

  /**
   * @return the exit code; null to go on
   */
  @Nullable Integer answered(@Nullable Boolean stop) {
    if (!Boolean.TRUE.equals(stop)) {
      return detached();
    }
    phase = Phase.STOPPING;
    status.show("Stopping " + name);
    stop(false);
    watch.look();
    return null;
  }

  private int detached() {
    status.close();
    terminal.prose(
        "\nDetached. The run "
            + name
            + " goes on: `dstack attach "
            + name
            + "` leads back to it, `dstack logs "
            + name
            + "` follows its output, `dstack stop "
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
}
