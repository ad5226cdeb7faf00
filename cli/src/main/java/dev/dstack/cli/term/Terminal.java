package dev.dstack.cli.term;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.Console;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Standard input and output, with what is known about who reads them. */
public final class Terminal {
  private static final int NOT_CUT = 10_000;
  private static final int COMMON_WIDTH = 80;

  private final InputStream in;
  private final PrintStream out;
  private final PrintStream err;
  private final boolean inTty;
  private final boolean outTty;
  private final boolean colours;
  private final Map<String, String> env;
  private final int fixedWidth;

  private Terminal(
      InputStream in,
      PrintStream out,
      PrintStream err,
      boolean inTty,
      boolean outTty,
      Map<String, String> env,
      int fixedWidth) {
    this.in = in;
    this.out = out;
    this.err = err;
    this.inTty = inTty;
    this.outTty = outTty;
    this.env = env;
    this.fixedWidth = fixedWidth;
    boolean forced = isSet(env, "FORCE_COLOR") || isSet(env, "CLICOLOR_FORCE");
    boolean refused = isSet(env, "NO_COLOR") || "dumb".equals(env.get("TERM"));
    this.colours = !isSet(env, "NO_COLOR") && (forced || (outTty && !refused));
  }

  /** The process's own. */
  public static Terminal system(Map<String, String> env) {
    return new Terminal(
        new BufferedInputStream(new FileInputStream(FileDescriptor.in)),
        new PrintStream(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.UTF_8),
        new PrintStream(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8),
        isTty(0),
        isTty(1),
        env,
        0);
  }

  /** For tests and training: a terminal of a given width, or a pipe where the width is 0. */
  public static Terminal of(
      InputStream in, PrintStream out, PrintStream err, int width, Map<String, String> env) {
    return new Terminal(in, out, err, width > 0, width > 0, env, width > 0 ? width : NOT_CUT);
  }

  public boolean colours() {
    return colours;
  }

  /** Whether a person sees the output. */
  public boolean interactiveOutput() {
    return outTty;
  }

  /** Whether a person can be asked. */
  public boolean interactiveInput() {
    return inTty;
  }

  /** Columns; so many that nothing is cut where the output is a pipe or a file. */
  public int width() {
    if (fixedWidth > 0) {
      return fixedWidth;
    }
    if (!outTty) {
      return NOT_CUT;
    }
    int known = number(env.get("COLUMNS"), 0);
    return known > 0 ? known : asked();
  }

  public void line(String text) {
    synchronized (out) {
      out.append(text).append('\n').flush();
    }
  }

  public void line(String text, Style style) {
    line(styled(text, style));
  }

  /** Sentences, broken at words where the terminal ends. */
  public void prose(String text, Style style) {
    StringBuilder all = new StringBuilder();
    for (String line : Widths.wrap(text, width())) {
      all.append(styled(line, style)).append('\n');
    }
    print(all.toString());
  }

  /** The same, moved in; lines that go on are moved in further. */
  public void prose(int indent, String text, Style style) {
    String before = " ".repeat(indent);
    StringBuilder all = new StringBuilder();
    for (String line : Widths.wrap(text, Math.max(20, width() - indent - 2))) {
      all.append(styled(before + (all.isEmpty() ? "" : "  ") + line, style)).append('\n');
    }
    print(all.toString());
  }

  public void lines(List<String> lines) {
    StringBuilder text = new StringBuilder();
    lines.forEach(line -> text.append(line).append('\n'));
    print(text.toString());
  }

  public void print(String text) {
    synchronized (out) {
      out.append(text).flush();
    }
  }

  /** Bytes of a job's output, as they are. */
  public void raw(byte[] bytes) {
    synchronized (out) {
      out.write(bytes, 0, bytes.length);
      out.flush();
    }
  }

  public void error(String text) {
    err.append(text).append('\n').flush();
  }

  public PrintStream errors() {
    return err;
  }

  public void table(Table table) {
    lines(table.lines(width(), colours));
  }

  public void properties(Map<String, String> properties) {
    lines(Properties.lines(properties, width(), colours));
  }

  public String styled(String text, Style style) {
    return colours ? style.wrap(text) : text;
  }

  /** Asks until the answer is y or n; null when there is nobody to ask or the input ends. */
  public @Nullable Boolean ask(String question) {
    if (!inTty) {
      return null;
    }
    while (true) {
      print(styled(question, Style.BOLD) + " [y/n]: ");
      String answer = readLine();
      switch (answer == null ? "" : answer.strip().toLowerCase(java.util.Locale.ROOT)) {
        case "y", "yes" -> {
          return true;
        }
        case "n", "no" -> {
          return false;
        }
        default -> {
          if (answer == null) {
            print("\n");
            return null;
          }
        }
      }
    }
  }

  /** A line without its end; null at the end of the input. */
  public @Nullable String readLine() {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    try {
      int c = in.read();
      if (c < 0) {
        return null;
      }
      while (c >= 0 && c != '\n') {
        line.write(c);
        c = in.read();
      }
    } catch (IOException e) {
      return null;
    }
    return line.toString(StandardCharsets.UTF_8);
  }

  public InputStream input() {
    return in;
  }

  private static boolean isSet(Map<String, String> env, String name) {
    String value = env.get(name);
    return value != null && !value.isEmpty();
  }

  private static int number(@Nullable String text, int otherwise) {
    if (text == null || text.isEmpty() || text.length() > 5) {
      return otherwise;
    }
    for (int i = 0; i < text.length(); i++) {
      if (text.charAt(i) < '0' || text.charAt(i) > '9') {
        return otherwise;
      }
    }
    int number = Integer.parseInt(text);
    return number > 0 ? number : otherwise;
  }

  private static boolean isTty(int descriptor) {
    Path link = Path.of("/proc/self/fd/" + descriptor);
    if (Files.isSymbolicLink(link)) {
      try {
        String target = Files.readSymbolicLink(link).toString();
        return target.startsWith("/dev/pts/")
            || target.startsWith("/dev/tty")
            || target.equals("/dev/console");
      } catch (IOException e) {
        return false;
      }
    }
    // Where there is no /proc the JDK knows only about both together.
    return Optional.ofNullable(System.console()).map(Console::isTerminal).orElse(false);
  }

  /** The launcher passes COLUMNS; this is for those who start the jar themselves. */
  private static int asked() {
    try {
      Process stty =
          new ProcessBuilder("stty", "size")
              .redirectInput(new java.io.File("/dev/tty"))
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      String answer = new String(stty.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
      boolean ended = stty.waitFor(1, TimeUnit.SECONDS);
      int space = answer.indexOf(' ');
      return ended && space > 0
          ? number(answer.substring(space + 1).strip(), COMMON_WIDTH)
          : COMMON_WIDTH;
    } catch (IOException e) {
      return COMMON_WIDTH;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return COMMON_WIDTH;
    }
  }
}
