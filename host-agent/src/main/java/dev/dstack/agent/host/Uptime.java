package dev.dstack.agent.host;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/**
 * Milliseconds since the host was started: the same for every process of the host, and unmoved by
 * who sets the clock. What has to be a span of time is measured with it.
 */
public final class Uptime {
  private static final long OFFSET_NANOS = atStart() - System.nanoTime();

  private Uptime() {}

  public static long millis() {
    return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() + OFFSET_NANOS);
  }

  private static long atStart() {
    try {
      String text = Files.readString(Path.of("/proc/uptime"));
      return (long) (Double.parseDouble(text.substring(0, text.indexOf(' '))) * 1e9);
    } catch (IOException | NumberFormatException e) {
      return System.nanoTime();
    }
  }
}
