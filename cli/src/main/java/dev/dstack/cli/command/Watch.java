package dev.dstack.cli.command;

import dev.dstack.cli.Cli;
import dev.dstack.cli.ExitCode;
import dev.dstack.cli.http.ServerUnreachableException;
import dev.dstack.cli.term.Style;
import dev.dstack.cli.term.Table;
import dev.dstack.cli.term.Terminal;
import dev.dstack.cli.term.Times;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * A table that is drawn again over itself until Ctrl-C; a server that is away for a while does not
 * end it.
 */
final class Watch {
  private static final Duration PAUSE = Duration.ofSeconds(2);

  private Watch() {}

  static int run(Cli cli, Supplier<Table> source) {
    CountDownLatch interrupted = new CountDownLatch(1);
    cli.interrupts().onInterrupt(interrupted::countDown);
    Terminal terminal = cli.terminal();
    int drawn = 0;
    List<String> lines = List.of();
    do {
      try {
        lines = source.get().lines(terminal.width(), terminal.colours());
      } catch (ServerUnreachableException e) {
        if (lines.isEmpty()) {
          throw e;
        }
        lines =
            new ArrayList<>(
                lines.subList(
                    0, lines.size() - (lines.getLast().contains("not reachable") ? 1 : 0)));
        lines.add(
            terminal.styled(
                " "
                    + Times.local(cli.clock().instant())
                    + " the server is not reachable, trying again",
                Style.YELLOW));
      }
      if (terminal.interactiveOutput() && drawn > 0) {
        terminal.print("\u001b[" + drawn + "A\u001b[J");
      }
      terminal.lines(lines);
      drawn = lines.size();
    } while (!ends(interrupted));
    return ExitCode.OK;
  }

  private static boolean ends(CountDownLatch interrupted) {
    try {
      return interrupted.await(PAUSE.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return true;
    }
  }
}
