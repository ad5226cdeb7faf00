package dev.dstack.embedded;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;

/** What scripts need done around a server: {@code obtain}, and {@code stop-leftovers DIRECTORY}. */
public final class Tool {
  private Tool() {}

  public static void main(String[] arguments) {
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    PrintStream err = new PrintStream(System.err, true, StandardCharsets.UTF_8);
    try {
      if (arguments.length == 1 && arguments[0].equals("obtain")) {
        Path cache = EmbeddedPostgres.defaultCacheDirectory(System.getenv());
        Progress progress = printing(out);
        PostgresBinaries.unpack(cache, progress);
        TemporalBinaries.obtain(cache, System.getenv(), progress);
      } else if (arguments.length == 2 && arguments[0].equals("stop-leftovers")) {
        int ended = EmbeddedStack.stopLeftovers(Path.of(arguments[1]).toAbsolutePath());
        if (ended > 0) {
          out.println("Stopped " + ended + " processes that a killed server had left.");
        }
      } else {
        err.println("Usage: obtain | stop-leftovers SERVER-DIRECTORY");
        System.exit(2);
      }
    } catch (EmbeddedException e) {
      err.println(e.getMessage());
      System.exit(1);
    }
  }

  private static Progress printing(PrintStream out) {
    return new Progress() {
      @Override
      public void running(String step, Duration elapsed) {
        out.println("  " + step + " ... " + elapsed.toSeconds() + " s");
      }

      @Override
      public void finished(String step, Duration elapsed) {
        out.println("  " + step + ": done in " + elapsed.toSeconds() + " s");
      }

      @Override
      public void note(String message) {
        out.println("  " + message);
      }
    };
  }
}
