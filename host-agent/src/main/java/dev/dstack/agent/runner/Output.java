package dev.dstack.agent.runner;

import java.io.FileInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * The collector of the command's output: a process that copies from the pipe to the log, byte for
 * byte. Java itself is not in between, because it closes a pipe when the process at its other end
 * ends, while that one's children may still write.
 */
record Output(Process collector, Path log) {
  /** What is in the pipe when the command ends is kept; for a process left behind nobody waits. */
  private static final Duration QUIET = Duration.ofMillis(100);

  private static final Duration AT_MOST = Duration.ofSeconds(5);

  /** After the end of the command; true: every byte that it wrote is in the log. */
  boolean drain() throws IOException, InterruptedException {
    long end = System.nanoTime() + AT_MOST.toNanos();
    long size = -1;
    while (!collector.waitFor(QUIET.toMillis(), TimeUnit.MILLISECONDS)) {
      long now = Files.size(log);
      if ((now == size && nothingWaits()) || System.nanoTime() - end > 0) {
        return true;
      }
      size = now;
    }
    return collector.exitValue() == 0;
  }

  private boolean nothingWaits() {
    try (FileInputStream pipe = new FileInputStream("/proc/" + collector.pid() + "/fd/0")) {
      return pipe.available() == 0;
    } catch (IOException e) {
      return true;
    }
  }
}
