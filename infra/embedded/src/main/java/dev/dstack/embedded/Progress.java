package dev.dstack.embedded;

import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Told about steps that a person would notice: those that take longer than two seconds. */
public interface Progress {
  /** The step is still under way after {@code elapsed}. */
  void running(String step, Duration elapsed);

  /** A step that was reported as running has ended well. */
  void finished(String step, Duration elapsed);

  /** Something worth knowing on the way. */
  void note(String message);

  /** Writes to the log. */
  static Progress log() {
    Logger log = LoggerFactory.getLogger(Progress.class);
    return new Progress() {
      @Override
      public void running(String step, Duration elapsed) {
        log.info("{} ... {} s", step, elapsed.toSeconds());
      }

      @Override
      public void finished(String step, Duration elapsed) {
        log.info("{}: done in {} s", step, elapsed.toSeconds());
      }

      @Override
      public void note(String message) {
        log.info("{}", message);
      }
    };
  }

  /** Runs a step, and reports it after two seconds and then every ten. */
  default <T> T step(String name, Callable<T> work) {
    long begun = System.nanoTime();
    AtomicBoolean reported = new AtomicBoolean();
    Thread ticker =
        Thread.ofVirtual()
            .name("progress")
            .start(
                () -> {
                  try {
                    Thread.sleep(Duration.ofSeconds(2));
                    while (true) {
                      reported.set(true);
                      running(name, Duration.ofNanos(System.nanoTime() - begun));
                      Thread.sleep(Duration.ofSeconds(10));
                    }
                  } catch (InterruptedException e) {
                    // The step is over.
                  }
                });
    try {
      T result = work.call();
      ticker.interrupt();
      if (reported.get()) {
        finished(name, Duration.ofNanos(System.nanoTime() - begun));
      }
      return result;
    } catch (RuntimeException e) {
      throw e;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new EmbeddedException(name + " was interrupted.", e);
    } catch (Exception e) {
      String why = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
      throw new EmbeddedException(name + " failed: " + why, e);
    } finally {
      ticker.interrupt();
    }
  }
}
