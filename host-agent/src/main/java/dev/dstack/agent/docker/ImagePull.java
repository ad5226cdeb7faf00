package dev.dstack.agent.docker;

import dev.dstack.model.agent.ContainerRequest.RegistryAuth;
import dev.dstack.model.agent.PullProgress;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** One image on its way to the host. What goes wrong by chance is tried again. */
final class ImagePull {
  private static final int TRIES = 3;
  private static final long PAUSE_MILLIS = 2_000;
  private static final long LOOK_MILLIS = 100;
  private static final long STALLED_NANOS = TimeUnit.MINUTES.toNanos(10);

  private final DockerApi api;
  private final ImageReference image;
  private final @Nullable RegistryAuth auth;
  private final Consumer<PullProgress> progress;
  private final BooleanSupplier cancelled;
  private volatile boolean wasCancelled;
  private volatile boolean stalled;
  private volatile long heardAt;

  ImagePull(
      DockerApi api,
      ImageReference image,
      @Nullable RegistryAuth auth,
      Consumer<PullProgress> progress,
      BooleanSupplier cancelled) {
    this.api = api;
    this.image = image;
    this.auth = auth;
    this.progress = progress;
    this.cancelled = cancelled;
  }

  boolean wasCancelled() {
    return wasCancelled;
  }

  /** Present: why there is no image. */
  Optional<String> run() throws EngineAwayException, InterruptedException {
    for (int attempt = 1; ; attempt++) {
      Optional<String> refusal = once();
      boolean again = refusal.isPresent() && attempt < TRIES && Complaints.isPassing(refusal.get());
      if (!again || wasCancelled) {
        return refusal;
      }
      for (long waited = 0; waited < PAUSE_MILLIS * attempt; waited += LOOK_MILLIS) {
        if (cancelled.getAsBoolean()) {
          wasCancelled = true;
          return refusal;
        }
        TimeUnit.MILLISECONDS.sleep(LOOK_MILLIS);
      }
    }
  }

  private Optional<String> once() throws EngineAwayException, InterruptedException {
    heardAt = System.nanoTime();
    String path =
        "/images/create?fromImage="
            + DockerApi.encode(image.path())
            + "&tag="
            + DockerApi.encode(image.version());
    try (DockerApi.Stream answer = api.stream("POST", path, headers())) {
      Thread guard = Thread.ofVirtual().name("pull-guard").start(() -> guard(answer));
      try {
        return read(answer);
      } finally {
        guard.interrupt();
      }
    } catch (DockerException e) {
      return Optional.of(e.words());
    } catch (EngineAwayException e) {
      if (Thread.currentThread().isInterrupted()) {
        throw new InterruptedException("while pulling " + image);
      }
      if (wasCancelled) {
        return Optional.of("cancelled");
      }
      if (stalled) {
        return Optional.of("nothing more came for 10 minutes");
      }
      throw e;
    }
  }

  private Optional<String> read(DockerApi.Stream answer) throws EngineAwayException {
    PullTracker tracker = new PullTracker();
    for (JsonNode line = answer.next(); line != null; line = answer.next()) {
      heardAt = System.nanoTime();
      String error = line.path("error").asString("");
      if (!error.isEmpty()) {
        return Optional.of(error);
      }
      tracker.accept(line);
      // Each time, as there may be no next one for long; the engine itself says no more than ten
      // lines a second of a layer.
      progress.accept(tracker.progress());
    }
    if (!wasCancelled) {
      progress.accept(tracker.progress());
    }
    return wasCancelled ? Optional.of("cancelled") : Optional.empty();
  }

  /** The engine gives up a pull whose caller has gone. */
  private void guard(DockerApi.Stream answer) {
    try {
      while (true) {
        TimeUnit.MILLISECONDS.sleep(LOOK_MILLIS);
        boolean dead = System.nanoTime() - heardAt > STALLED_NANOS;
        if (cancelled.getAsBoolean() || dead) {
          wasCancelled = !dead;
          stalled = dead;
          answer.close();
          return;
        }
      }
    } catch (InterruptedException e) {
      // The pull is over.
      return;
    }
  }

  private Map<String, String> headers() {
    RegistryAuth known = auth;
    if (known == null || (known.username().isEmpty() && known.password().isEmpty())) {
      return Map.of();
    }
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("username", known.username());
    json.put("password", known.password());
    json.put("serveraddress", image.registry());
    String encoded =
        Base64.getUrlEncoder().encodeToString(json.toString().getBytes(StandardCharsets.UTF_8));
    return Map.of("X-Registry-Auth", encoded);
  }
}
