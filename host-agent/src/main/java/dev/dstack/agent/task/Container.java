package dev.dstack.agent.task;

import dev.dstack.agent.CrashPoint;
import dev.dstack.agent.docker.ContainerHost;
import dev.dstack.agent.docker.ContainerView;
import dev.dstack.agent.docker.EngineAwayException;
import dev.dstack.agent.docker.Image;
import dev.dstack.agent.docker.ImageReference;
import dev.dstack.agent.host.Uptime;
import dev.dstack.agent.runner.IoFiles;
import dev.dstack.model.agent.ContainerRequest;
import dev.dstack.model.agent.ContainerRequest.RegistryAuth;
import dev.dstack.model.agent.PullProgress;
import dev.dstack.model.agent.TaskExit;
import dev.dstack.model.agent.TaskMetrics;
import dev.dstack.model.job.JobTerminationReason;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A task that is a container, whose first process is the runner. How the command fares is read from
 * the io directory, as for a process of the host; the engine is asked only whether the container is
 * there, and why it died when it did not say so itself.
 */
final class Container implements Execution {
  private static final long LOOK_MILLIS = 5_000;
  private static final long ENGINE_MILLIS = 120_000;
  private static final long NEVER_SEEN_MILLIS = 5_000;
  private static final long ENGINE_PAUSE_MILLIS = 250;
  private static final long RUNNER_STARTS_WITHIN_MILLIS = 300_000;
  private static final long OOM_LAG_MILLIS = 300;
  private static final long ENDS_BY_ITSELF_MILLIS = 2_000;

  private final Path directory;
  private final Journal journal;
  private final Surroundings surroundings;
  private final ContainerHost host;
  private final ContainerFiles files;
  private final ContainerRequest request;
  private final String name;
  private final ContainerUsage usage;

  private volatile @Nullable PullProgress pull;
  private volatile @Nullable Instant unusedSince;
  private volatile boolean mayHaveEnded;
  private volatile boolean engineWasAway;
  private @Nullable Image image;
  private @Nullable Thread waiter;
  private long launchedAt = Uptime.millis();
  private long nextLook;
  private long endSeenAt;
  private boolean askedToEnd;
  private boolean oomLooked;

  Container(Path directory, ContainerRequest request, Journal journal, Surroundings surroundings) {
    this.directory = directory;
    this.journal = journal;
    this.surroundings = surroundings;
    this.host = surroundings.containers();
    this.request = request;
    this.files = new ContainerFiles(directory, surroundings);
    this.name = ContainerHost.containerName(journal.state().id());
    this.usage = new ContainerUsage(host, name, request);
  }

  // --- before ------------------------------------------------------------------------------------

  @Override
  public Optional<TaskExit> prepare() throws IOException, InterruptedException {
    if (!journal.state().bootId().equals(surroundings.bootId())) {
      return Optional.of(Endings.executorError("the host was rebooted before the task started"));
    }
    Optional<TaskExit> noVolume =
        TaskVolumes.take(directory, journal.state().id(), surroundings, false);
    if (noVolume.isPresent()) {
      return noVolume;
    }
    return engine(
        () -> {
          Optional<String> obstacle = host.runtime().isEmpty() ? host.obstacle() : Optional.empty();
          if (obstacle.isPresent()) {
            return Optional.of(Endings.notCreated("image: " + obstacle.get()));
          }
          return fetchImage();
        });
  }

  private Optional<TaskExit> fetchImage() throws IOException, InterruptedException {
    ImageReference reference = ImageReference.parse(request.image());
    if (reference == null) {
      return Optional.of(
          Endings.notCreated("image: '" + request.image() + "' is not the name of an image"));
    }
    RegistryAuth auth = files.registryAuth();
    ContainerHost.Found found =
        host.image(reference, auth, this::pulling, () -> journal.state().stop() != null);
    return switch (found) {
      case ContainerHost.Found.Cancelled() -> Optional.of(Endings.stopped(journal.state()));
      case ContainerHost.Found.Refused(TaskExit exit) -> Optional.of(exit);
      case ContainerHost.Found.Here(Image here) -> {
        image = here;
        yield Optional.empty();
      }
    };
  }

  private void pulling(PullProgress progress) {
    pull = progress;
    try {
      if (journal.state().phase() == Phase.ACCEPTED) {
        journal.transition(TaskState::pulling);
        CrashPoint.PULLING.reached();
      }
    } catch (IOException e) {
      surroundings.log().warn(journal.state().id() + ": its pull could not be noted down", e);
    }
    journal.announce();
  }

  @Override
  public Optional<TaskExit> launch() throws IOException, InterruptedException {
    if (Marks.read(files.io()).started()) {
      return Optional.empty();
    }
    TaskState state = journal.state();
    if (!state.bootId().equals(surroundings.bootId())) {
      return Optional.of(Endings.executorError("the host was rebooted before the task started"));
    }
    if (state.stop() != null && Marks.forbidStart(files.io())) {
      return Optional.of(Endings.stopped(state));
    }
    Optional<TaskExit> over = engine(this::createAndStart);
    launchedAt = Uptime.millis();
    return over;
  }

  private Optional<TaskExit> createAndStart() throws IOException, InterruptedException {
    Optional<ContainerView> before = host.inspect(name);
    if (before.isEmpty()) {
      if (image == null) {
        Optional<TaskExit> noImage = fetchImage();
        if (noImage.isPresent()) {
          return noImage;
        }
      }
      Image from = image;
      if (from == null) {
        return Optional.of(Endings.executorError("the image is gone"));
      }
      Optional<TaskExit> impossible = files.writeRequest(request, from);
      if (impossible.isEmpty()) {
        impossible = host.create(files.blueprint(journal.state(), request, from));
      }
      if (impossible.isPresent()) {
        return impossible;
      }
      CrashPoint.CREATED.reached();
    } else if (!before.get().waits()) {
      // An earlier agent has started it; what became of it shows by the marks.
      return Optional.empty();
    }
    Optional<TaskExit> refused = host.start(name, request.image());
    if (refused.isPresent()) {
      return refused;
    }
    CrashPoint.AFTER_FORK.reached();
    return Optional.empty();
  }

  private interface EngineCall {
    Optional<TaskExit> make() throws IOException, InterruptedException;
  }

  /** An engine that is being restarted is waited for, one that is not there is not. */
  private Optional<TaskExit> engine(EngineCall call) throws IOException, InterruptedException {
    long begun = Uptime.millis();
    while (true) {
      if (journal.state().stop() != null && Marks.forbidStart(files.io())) {
        return Optional.of(Endings.stopped(journal.state()));
      }
      try {
        return call.make();
      } catch (EngineAwayException e) {
        if (Thread.interrupted()) {
          throw new InterruptedException("while the engine was asked");
        }
        long patience = host.everAnswered() ? ENGINE_MILLIS : NEVER_SEEN_MILLIS;
        if (Uptime.millis() - begun > patience) {
          return Optional.of(
              host.everAnswered()
                  ? Endings.executorError(Endings.words(e))
                  : Endings.notCreated("image: " + Endings.words(e)));
        }
        journal.pause(ENGINE_PAUSE_MILLIS);
      }
    }
  }

  // --- while it runs -----------------------------------------------------------------------------

  @Override
  public Sight look() throws IOException, InterruptedException {
    Marks marks = Marks.read(files.io());
    Sight.Running running = marks.pid() ? running() : null;
    if (marks.exit().isPresent()) {
      return new Sight.Ended(marks.exit().getAsInt(), running);
    }
    if (running != null) {
      unusedSince = files.unusedSince();
    }
    if (journal.state().stop() != null && !marks.started() && Marks.forbidStart(files.io())) {
      return new Sight.Lost(Endings.stopped(journal.state()));
    }
    if (mayHaveEnded || Uptime.millis() >= nextLook) {
      Optional<Sight> end = inspect(marks);
      if (end.isPresent()) {
        return end.get();
      }
    }
    return running == null ? new Sight.Waiting() : running;
  }

  private Sight.Running running() throws IOException {
    TaskState state = journal.state();
    if (state.startedAt() != null && state.startedUptime() != null) {
      return new Sight.Running(
          state.startedAt(), state.startedUptime(), state.workingDir(), state.username());
    }
    Instant now = surroundings.clock().instant();
    Instant started = Marks.changed(files.io().resolve(IoFiles.PID), now);
    long age = Math.max(0, Duration.between(started, now).toMillis());
    IoFiles.Where where = files.where();
    files.forgetSecrets();
    return new Sight.Running(started, Uptime.millis() - age, where.workingDir(), where.username());
  }

  /** Asks the engine; present: it is over. */
  private Optional<Sight> inspect(Marks seen) throws IOException, InterruptedException {
    mayHaveEnded = false;
    nextLook = Uptime.millis() + LOOK_MILLIS;
    Optional<ContainerView> found;
    try {
      found = host.inspect(name);
    } catch (EngineAwayException e) {
      if (Thread.interrupted()) {
        throw new InterruptedException("while the engine was asked");
      }
      if (!engineWasAway) {
        surroundings.log().info(name + ": " + Endings.words(e));
      }
      engineWasAway = true;
      nextLook = Uptime.millis() + 500;
      return Optional.empty();
    }
    if (found.isPresent() && found.get().runs()) {
      ContainerView view = found.get();
      usage.pid(view.pid());
      reachable(view);
      watchEnd();
      boolean mute = !seen.started() && Uptime.millis() - launchedAt > RUNNER_STARTS_WITHIN_MILLIS;
      return mute && Marks.forbidStart(files.io())
          ? Optional.of(
              new Sight.Lost(Endings.executorError("the runner in the container did not start")))
          : Optional.empty();
    }
    if (found.isPresent() && found.get().exitCode() == ContainerEnding.KILLED && !oomLooked) {
      // The engine hears of a lack of memory a moment after it has seen the end.
      oomLooked = true;
      nextLook = Uptime.millis() + OOM_LAG_MILLIS;
      return Optional.empty();
    }
    // Its last act may have been to say how the command ended.
    Marks last = Marks.read(files.io());
    if (last.exit().isPresent()) {
      return Optional.of(new Sight.Ended(last.exit().getAsInt(), last.pid() ? running() : null));
    }
    return Optional.of(
        new Sight.Lost(
            ContainerEnding.of(
                found.orElse(null),
                last,
                journal.state(),
                request,
                new ContainerEnding.Circumstances(
                    !journal.state().bootId().equals(surroundings.bootId()),
                    engineWasAway,
                    last.started()
                        ? files.lastRunnerWords()
                        : found.isPresent() ? host.lastWords(name) : ""))));
  }

  private void reachable(ContainerView view) throws IOException {
    java.util.Map<Integer, Integer> ports = files.ports(request, view.ports());
    if (!ports.equals(journal.state().ports())) {
      journal.transition(before -> before.reachable(ports));
    }
  }

  /** The engine says at once when a container has ended; without that it is looked for. */
  private void watchEnd() {
    Thread known = waiter;
    if (known != null && known.isAlive()) {
      return;
    }
    waiter =
        Thread.ofVirtual()
            .name("wait-" + name)
            .start(
                () -> {
                  engineWasAway |= !host.awaitEnd(name);
                  mayHaveEnded = true;
                  journal.wake();
                });
  }

  @Override
  public long nextLook() {
    return nextLook;
  }

  @Override
  public Optional<String> collectorLost() throws IOException {
    // 0 may also come because the command has closed its output, or is just ending.
    return Marks.read(files.io()).logged().orElse(0) == 0
        ? Optional.empty()
        : Optional.of("output could not be stored");
  }

  @Override
  public Optional<TaskMetrics> metrics() throws InterruptedException {
    return usage.measure(surroundings.clock().instant());
  }

  @Override
  public @Nullable PullProgress pull() {
    return pull;
  }

  @Override
  public @Nullable Instant unusedSince() {
    return unusedSince;
  }

  // --- its end -----------------------------------------------------------------------------------

  @Override
  public boolean term() throws IOException, InterruptedException {
    try {
      host.signal(name, "SIGTERM");
      return true;
    } catch (EngineAwayException e) {
      engineWasAway = true;
      return false;
    }
  }

  @Override
  public void kill() throws IOException, InterruptedException {
    try {
      host.signal(name, "SIGKILL");
    } catch (EngineAwayException e) {
      engineWasAway = true;
    }
    mayHaveEnded = true;
  }

  @Override
  public boolean settle(boolean overdue) throws IOException, InterruptedException {
    long now = Uptime.millis();
    if (endSeenAt == 0) {
      endSeenAt = now;
      usage.sample();
    }
    boolean logged = Marks.read(files.io()).logged().isPresent();
    try {
      Optional<ContainerView> view = host.inspect(name);
      if (view.isEmpty() || !view.get().runs()) {
        usage.ended(view.map(ContainerView::oomKilled).orElse(false));
        return true;
      }
      boolean enough = logged && now - endSeenAt > ENDS_BY_ITSELF_MILLIS;
      if ((overdue || enough) && !askedToEnd) {
        askedToEnd = true;
        host.signal(name, "SIGKILL");
      }
      return false;
    } catch (EngineAwayException e) {
      engineWasAway = true;
      // What still runs is removed when the engine is back; the output is all there is.
      return logged || overdue;
    }
  }

  @Override
  public TaskExit verdict(int status) throws IOException, InterruptedException {
    Optional<TaskExit> notStarted = files.failure(status);
    if (notStarted.isPresent()) {
      return notStarted.get();
    }
    if (Marks.read(files.io()).logged().orElse(0) != 0) {
      return new TaskExit(
          JobTerminationReason.EXECUTOR_ERROR,
          status,
          Endings.diskIsFull(files.io())
              ? "the disk of the host is full, output could not be stored"
              : "the output could not be stored");
    }
    boolean bySignal = status == 143 || status == 137;
    if (bySignal && (engineWasAway || !host.answers())) {
      return new TaskExit(
          JobTerminationReason.EXECUTOR_ERROR, status, ContainerEnding.ENGINE_RESTARTED);
    }
    return status == 0
        ? Endings.exited(0)
        : new TaskExit(
            JobTerminationReason.CONTAINER_EXITED_WITH_ERROR, status, usage.story(status));
  }

  @Override
  public Instant endedAt(int status) {
    return Marks.changed(
        files.io().resolve(IoFiles.EXIT_PREFIX + status), surroundings.clock().instant());
  }

  @Override
  public boolean leavesTraces() {
    return true;
  }

  @Override
  public void clear() throws IOException, InterruptedException {
    Thread waiting = waiter;
    if (waiting != null) {
      waiting.interrupt();
    }
    files.forgetSecrets();
    long begun = Uptime.millis();
    while (!removed()) {
      boolean hopeless = !host.everAnswered() && Uptime.millis() - begun > NEVER_SEEN_MILLIS;
      if (hopeless || Uptime.millis() - begun > ENGINE_MILLIS) {
        surroundings.log().warn(name + " is left behind; the next sweep removes it", null);
        return;
      }
      TimeUnit.MILLISECONDS.sleep(ENGINE_PAUSE_MILLIS);
    }
    TaskVolumes.release(directory, journal.state().id(), surroundings);
  }

  private boolean removed() throws InterruptedException {
    try {
      return host.remove(name);
    } catch (EngineAwayException e) {
      if (Thread.interrupted()) {
        throw new InterruptedException("while " + name + " was removed");
      }
      return false;
    }
  }
}
