package dev.dstack.embedded;

import dev.dstack.embedded.PartStatus.State;
import dev.dstack.embedded.ProcFs.ProcessKey;
import dev.dstack.embedded.ProcFs.Signal;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A child process that is started anew whenever it ends by itself, after a pause that grows from a
 * tenth of a second to ten seconds. A process that an earlier server has left is taken over in the
 * same way.
 */
final class Supervised implements AutoCloseable {
  /** Prepares a start, also each later one: cleans up behind the last and says what to run. */
  interface Launch {
    ProcessBuilder prepare() throws IOException;
  }

  /** A signal that asks the process to end, and how long to wait before the next one. */
  record Stop(Signal signal, Duration patience) {}

  /**
   * @param ready whether it serves; asked again and again while it starts
   * @param started told of every process, also of one taken over
   */
  record Spec(
      String name,
      String version,
      int port,
      Path log,
      Launch launch,
      BooleanSupplier ready,
      Duration startTimeout,
      List<Stop> stops,
      Consumer<ProcessKey> started) {}

  private static final Logger LOG = LoggerFactory.getLogger(Supervised.class);
  private static final Duration FIRST_PAUSE = Duration.ofMillis(100);
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(10);
  private static final Duration STABLE_AFTER = Duration.ofSeconds(30);
  private static final Duration LOOK_INTERVAL = Duration.ofMillis(20);
  private static final long LOG_LIMIT_BYTES = 20L << 20;

  private final Spec spec;
  private final AtomicBoolean stopping = new AtomicBoolean();
  private final Object lock = new Object();
  private @Nullable Process child;
  private @Nullable ProcessKey current;
  private State state = State.STOPPED;
  private Instant since = Instant.now();
  private String message = "";
  private int restarts;
  private @Nullable Thread watcher;

  Supervised(Spec spec) {
    this.spec = spec;
  }

  /** Starts it and returns when it serves. */
  void start() {
    become(State.STARTING, "");
    launch();
    become(State.RUNNING, "");
    watch();
  }

  /** Starts it in the background; a failure to start is treated like an early end. */
  void startLater() {
    become(State.STARTING, "");
    synchronized (lock) {
      watcher =
          Thread.ofVirtual()
              .name("start-" + spec.name())
              .start(
                  () -> {
                    try {
                      launch();
                      become(State.RUNNING, "");
                    } catch (EmbeddedException e) {
                      become(State.RESTARTING, e.getMessage() == null ? "" : e.getMessage());
                      LOG.warn("{}", e.getMessage());
                    }
                    keepRunning();
                  });
    }
  }

  /** Takes over a process that runs already. */
  void adopt(ProcessKey process) {
    synchronized (lock) {
      current = process;
    }
    spec.started().accept(process);
    become(State.RUNNING, "taken over from an earlier server");
    watch();
  }

  PartStatus status() {
    synchronized (lock) {
      return new PartStatus(
          spec.name(),
          state,
          spec.version(),
          current == null || state == State.STOPPED ? 0 : current.pid(),
          spec.port(),
          restarts,
          since,
          message,
          spec.log());
    }
  }

  private void become(State next, String why) {
    synchronized (lock) {
      if (state != next) {
        since = Instant.now();
      }
      state = next;
      message = why;
    }
  }

  private void watch() {
    synchronized (lock) {
      watcher = Thread.ofVirtual().name("watch-" + spec.name()).start(this::keepRunning);
    }
  }

  private void keepRunning() {
    Duration pause = FIRST_PAUSE;
    long startedAt = System.nanoTime();
    while (awaitEnd() && !stopping.get()) {
      if (System.nanoTime() - startedAt > STABLE_AFTER.toNanos()) {
        pause = FIRST_PAUSE;
      }
      synchronized (lock) {
        restarts++;
      }
      String ending = ending();
      become(State.RESTARTING, ending);
      LOG.warn("{} {}. Starting it again in {} ms.", spec.name(), ending, pause.toMillis());
      if (!Waiting.sleep(pause)) {
        return;
      }
      pause = shorter(pause.multipliedBy(2), LONGEST_PAUSE);
      startedAt = System.nanoTime();
      try {
        launch();
        become(State.RUNNING, "started again after it " + ending);
        LOG.info("{} serves again.", spec.name());
      } catch (EmbeddedException e) {
        become(State.RESTARTING, e.getMessage() == null ? "" : e.getMessage());
        LOG.warn("{}", e.getMessage());
      }
    }
  }

  private static Duration shorter(Duration one, Duration other) {
    return one.compareTo(other) < 0 ? one : other;
  }

  /** False if interrupted. */
  private boolean awaitEnd() {
    Process process;
    ProcessKey key;
    synchronized (lock) {
      process = child;
      key = current;
    }
    try {
      if (process != null) {
        process.waitFor();
      } else {
        // Not our child: the kernel tells us nothing of its end.
        while (key != null && key.isAlive()) {
          Thread.sleep(Duration.ofMillis(250));
        }
      }
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private String ending() {
    synchronized (lock) {
      if (child == null || child.isAlive()) {
        return "has ended";
      }
      int status = child.exitValue();
      return status > 128
          ? "was ended by signal " + (status - 128)
          : "has ended with status " + status;
    }
  }

  private void launch() {
    Process process;
    try {
      ProcessBuilder command = spec.launch().prepare();
      FileTree.rotate(spec.log(), LOG_LIMIT_BYTES);
      // Straight into a file: a process must not stop writing because its server was killed.
      command
          .redirectErrorStream(true)
          .redirectOutput(ProcessBuilder.Redirect.appendTo(spec.log().toFile()));
      synchronized (lock) {
        if (stopping.get()) {
          return;
        }
        process = command.start();
        child = process;
        // Gone already: the number alone still is true.
        current = ProcFs.key(process.pid()).orElse(new ProcessKey(process.pid(), -1));
        spec.started().accept(current);
      }
    } catch (IOException e) {
      throw new EmbeddedException(
          "Cannot start " + spec.name() + ": " + e.getMessage() + ". Log: " + spec.log(), e);
    }
    boolean settled =
        Waiting.until(
            spec.startTimeout(),
            LOOK_INTERVAL,
            () -> stopping.get() || !process.isAlive() || spec.ready().getAsBoolean());
    if (stopping.get()) {
      return;
    }
    if (!process.isAlive()) {
      throw new EmbeddedException(spec.name() + " " + ending() + " while starting. " + lastWords());
    }
    if (!settled) {
      process.destroyForcibly();
      throw new EmbeddedException(
          spec.name()
              + " does not serve after "
              + spec.startTimeout().toSeconds()
              + " s. "
              + lastWords());
    }
  }

  private String lastWords() {
    String tail = FileTree.tail(spec.log(), 4);
    return "Log: " + spec.log() + (tail.isEmpty() ? "" : ", which ends with:\n" + tail);
  }

  /** Forgets the process without telling it. */
  void abandon() {
    stopping.set(true);
    synchronized (lock) {
      if (watcher != null) {
        watcher.interrupt();
      }
    }
  }

  /** Ends the process for good. */
  @Override
  public void close() {
    if (!stopping.compareAndSet(false, true)) {
      return;
    }
    ProcessKey process;
    synchronized (lock) {
      process = current;
      if (watcher != null) {
        watcher.interrupt();
      }
    }
    if (process != null) {
      end(process, spec.stops());
    }
    become(State.STOPPED, "");
  }

  static void end(ProcessKey process, List<Stop> stops) {
    // A thread that is interrupted because the server ends must still end its processes gently.
    boolean interrupted = Thread.interrupted();
    try {
      for (Stop stop : stops) {
        ProcFs.signal(process, stop.signal());
        if (Waiting.until(stop.patience(), LOOK_INTERVAL, () -> !process.isAlive())) {
          return;
        }
      }
      ProcFs.signal(process, Signal.KILL);
      Waiting.until(Duration.ofSeconds(5), LOOK_INTERVAL, () -> !process.isAlive());
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
