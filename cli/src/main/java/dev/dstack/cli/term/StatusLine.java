package dev.dstack.cli.term;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * One line that moves while something is waited for, gone when it is closed. Where no person
 * watches, each new text is a line of its own.
 */
public final class StatusLine implements AutoCloseable {
  private static final String FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";
  private static final Duration FRAME = Duration.ofMillis(100);

  private final Terminal terminal;
  private final Object lock = new Object();
  private final @Nullable Thread painter;
  private String text = "";
  private String detail = "";
  private String printed = "";
  private long since = System.nanoTime();
  private boolean shown;
  private boolean closed;

  public StatusLine(Terminal terminal) {
    this.terminal = terminal;
    this.painter =
        terminal.interactiveOutput()
            ? Thread.ofPlatform().daemon().name("status-line").start(this::paint)
            : null;
  }

  /** Shows a text with the time since it was first shown; the empty text hides the line. */
  public void show(String newText) {
    show(newText, "");
  }

  /**
   * @param newDetail what changes all the time: the clock goes on, and where no person watches it
   *     is left out
   */
  public void show(String newText, String newDetail) {
    synchronized (lock) {
      if (closed || (newText.equals(text) && newDetail.equals(detail))) {
        return;
      }
      if (!newText.equals(text)) {
        since = System.nanoTime();
      }
      text = newText;
      detail = newDetail;
      if (painter != null) {
        frame(0);
      } else if (!text.isEmpty() && !text.equals(printed)) {
        printed = text;
        terminal.line(text);
      }
    }
  }

  /** Writes something above the line. */
  public void above(Runnable write) {
    synchronized (lock) {
      clear();
      write.run();
    }
  }

  @Override
  public void close() {
    synchronized (lock) {
      clear();
      closed = true;
      lock.notifyAll();
    }
  }

  private void paint() {
    synchronized (lock) {
      int number = 0;
      while (!closed) {
        frame(number++);
        try {
          lock.wait(FRAME.toMillis());
        } catch (InterruptedException e) {
          return;
        }
      }
    }
  }

  private void frame(int number) {
    if (text.isEmpty() || closed) {
      clear();
      return;
    }
    Duration elapsed = Duration.ofNanos(System.nanoTime() - since);
    String time = elapsed.toSeconds() < 1 ? "" : " " + Times.elapsed(elapsed);
    String spinner = String.valueOf(FRAMES.charAt(number % FRAMES.length()));
    String line = Widths.cut(text + detail, Math.max(10, terminal.width() - 12));
    terminal.print(
        "\r\u001b[K"
            + terminal.styled(spinner, Style.CYAN)
            + " "
            + line
            + terminal.styled(time, Style.DIM));
    shown = true;
  }

  private void clear() {
    if (shown) {
      terminal.print("\r\u001b[K");
      shown = false;
    }
  }
}
