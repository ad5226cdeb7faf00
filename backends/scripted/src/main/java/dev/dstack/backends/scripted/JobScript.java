package dev.dstack.backends.scripted;

import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * How a simulated job behaves.
 *
 * @param startDelayMillis between submission and running
 * @param durationMillis of running, when nobody stops it
 * @param stopDelayMillis between TERM and its end; beyond the grace it is killed
 * @param lines of output
 * @param linesPerSecond 0: all of them at the start
 * @param text of a line; {@code {n}} becomes its number, always eight digits, so that the place of
 *     a line follows from its number
 * @param gpuUtil percent that its accelerators are busy; absent: a wave
 */
record JobScript(
    long startDelayMillis,
    long durationMillis,
    long stopDelayMillis,
    int exitStatus,
    int lines,
    double linesPerSecond,
    String text,
    @Nullable Integer gpuUtil) {
  static final Set<String> FIELDS =
      Set.of(
          "start_delay",
          "duration",
          "stop_delay",
          "exit_status",
          "lines",
          "rate",
          "text",
          "gpu_util");
  private static final int MAX_LINES = 99_999_999;
  private static final int MAX_TEXT = 1_000;

  static final String PREFIX = "DSTACK_SCRIPTED_";

  static JobScript parse(Fields fields) {
    JobScript script =
        new JobScript(
            fields.duration("start_delay", Duration.ZERO).toMillis(),
            fields.duration("duration", Duration.ofSeconds(1)).toMillis(),
            fields.duration("stop_delay", Duration.ZERO).toMillis(),
            (int) fields.whole("exit_status", 0, 0, 255),
            (int) fields.whole("lines", 1, 0, MAX_LINES),
            fields.number("rate", 0, 0, 1_000_000),
            fields.text("text", "scripted line {n}"),
            util((int) fields.whole("gpu_util", -1, -1, 100)));
    if (script.text.getBytes(StandardCharsets.UTF_8).length > MAX_TEXT) {
      throw fields.invalid("text", "must not be longer than " + MAX_TEXT + " bytes");
    }
    return script;
  }

  /** The same with what a task says of itself, such as {@code DSTACK_SCRIPTED_DURATION=30s}. */
  JobScript with(Map<String, String> env) {
    return new JobScript(
        millis(env, "START_DELAY", startDelayMillis),
        millis(env, "DURATION", durationMillis),
        millis(env, "STOP_DELAY", stopDelayMillis),
        (int) number(env, "EXIT_STATUS", exitStatus, 255),
        (int) number(env, "LINES", lines, MAX_LINES),
        number(env, "RATE", linesPerSecond, 1_000_000),
        env.getOrDefault(PREFIX + "TEXT", text),
        util((int) number(env, "GPU_UTIL", gpuUtil == null ? -1 : gpuUtil, 100)));
  }

  /** What is below nought stands for the wave. */
  private static @Nullable Integer util(int percent) {
    return percent < 0 ? null : Integer.valueOf(percent);
  }

  private static long millis(Map<String, String> env, String name, long otherwise) {
    String text = env.get(PREFIX + name);
    return text == null ? otherwise : Fields.duration("env." + PREFIX + name, text).toMillis();
  }

  private static double number(Map<String, String> env, String name, double otherwise, double max) {
    String text = env.get(PREFIX + name);
    if (text == null) {
      return otherwise;
    }
    double number;
    try {
      number = Double.parseDouble(text);
    } catch (NumberFormatException e) {
      number = Double.NaN;
    }
    if (!(number >= 0 && number <= max)) {
      throw new DstackException(
          ErrorKind.INVALID_SPEC,
          "env."
              + PREFIX
              + name
              + " must be a number from 0 to "
              + (long) max
              + ", is '"
              + text
              + "'");
    }
    return number;
  }

  byte[] line(long number) {
    return (text.replace("{n}", String.format("%08d", number)) + "\n")
        .getBytes(StandardCharsets.UTF_8);
  }
}
