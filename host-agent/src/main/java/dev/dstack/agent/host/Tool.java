package dev.dstack.agent.host;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** Programs of vendors that say how their devices are. They may be missing, and they may hang. */
final class Tool {
  private static final int MOST_BYTES = 4 << 20;

  private Tool() {}

  /** Empty: there is no such program, it failed or took too long. */
  static Optional<String> output(Duration within, List<String> command) {
    try {
      Process process =
          new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
      process.getOutputStream().close();
      // A driver that hangs must not hang the agent: reading ends when the tool is killed.
      Thread.ofVirtual()
          .start(
              () -> {
                try {
                  if (!process.waitFor(within.toMillis(), TimeUnit.MILLISECONDS)) {
                    process.destroyForcibly();
                  }
                } catch (InterruptedException e) {
                  process.destroyForcibly();
                }
              });
      String text =
          new String(process.getInputStream().readNBytes(MOST_BYTES), StandardCharsets.UTF_8);
      return process.waitFor() == 0 ? Optional.of(text) : Optional.empty();
    } catch (IOException e) {
      return Optional.empty();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Optional.empty();
    }
  }
}
