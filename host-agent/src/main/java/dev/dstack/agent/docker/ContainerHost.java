package dev.dstack.agent.docker;

import dev.dstack.agent.AgentLog;
import dev.dstack.agent.host.GpuProbe;
import dev.dstack.agent.runtime.RuntimeLayout;
import dev.dstack.model.agent.ContainerRequest.RegistryAuth;
import dev.dstack.model.agent.PullProgress;
import dev.dstack.model.agent.TaskExit;
import dev.dstack.model.ids.JobId;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** The containers that an agent has on its host. Every call may be repeated. */
public final class ContainerHost {
  public static final String TASK_LABEL = "dstack.task";
  public static final String AGENT_LABEL = "dstack.agent";

  private static final Duration SHORT = Duration.ofSeconds(30);
  private static final Duration LONG = Duration.ofMinutes(3);
  private static final long INFO_NANOS = Duration.ofMinutes(1).toNanos();

  private final DockerApi api;
  private final String agentId;
  private final @Nullable RuntimeLayout runtime;
  private final @Nullable String mirror;
  private final AgentLog log;
  private final Accelerators accelerators = new Accelerators(GpuProbe.dev(), GpuProbe::ofHost);
  private volatile @Nullable EngineInfo info;
  private volatile long infoAt;

  /**
   * @param engine such as {@code unix:///var/run/docker.sock}
   * @param agentId the same as long as the agent's directory exists
   * @param runtime what a container runs its job with; absent: there can be no containers
   * @param mirror registry, and a path in it, for images that name none; absent: Docker Hub
   */
  public ContainerHost(
      URI engine,
      String agentId,
      @Nullable RuntimeLayout runtime,
      @Nullable String mirror,
      AgentLog log) {
    this.api = new DockerApi(engine);
    this.agentId = agentId;
    this.runtime = runtime;
    this.mirror = mirror;
    this.log = log;
  }

  public String agentId() {
    return agentId;
  }

  public Optional<RuntimeLayout> runtime() {
    return Optional.ofNullable(runtime);
  }

  /** Whether the engine has answered this agent before. */
  public boolean everAnswered() {
    return info != null;
  }

  public String name() {
    return "the Docker Engine at " + api.host();
  }

  /** As it was within the last minute. */
  public EngineInfo engine() throws EngineAwayException, InterruptedException {
    EngineInfo known = info;
    if (known == null || System.nanoTime() - infoAt > INFO_NANOS) {
      try {
        known = EngineInfo.of(api.get("/info", SHORT));
      } catch (DockerException e) {
        throw new EngineAwayException(name() + " does not say what it is: " + e.words(), e);
      }
      info = known;
      infoAt = System.nanoTime();
    }
    return known;
  }

  /** Why there can be no containers now, in words; empty: there can. */
  public Optional<String> obstacle() throws InterruptedException {
    if (runtime == null) {
      return Optional.of("the agent was started without a runtime for containers (--runtime)");
    }
    try {
      EngineInfo engine = engine();
      String own = EngineInfo.architecture(runtime.arch());
      return own.equals(engine.architecture())
          ? Optional.empty()
          : Optional.of(
              "the agent's runtime is for " + own + ", the engine for " + engine.architecture());
    } catch (EngineAwayException e) {
      return Optional.of(String.valueOf(e.getMessage()));
    }
  }

  /** Absent: none has answered yet. */
  public @Nullable String version() {
    EngineInfo known = info;
    return known == null ? null : known.version();
  }

  public boolean answers() throws InterruptedException {
    try {
      api.bytes("GET", "/_ping", null, Duration.ofSeconds(5));
      return true;
    } catch (DockerException | EngineAwayException e) {
      return false;
    }
  }

  // --- images ------------------------------------------------------------------------------------

  /** An image or why there is none. */
  public sealed interface Found {
    record Here(Image image) implements Found {}

    record Refused(TaskExit exit) implements Found {}

    record Cancelled() implements Found {}
  }

  /**
   * Whose name and tag are here is used as it is, and only what may have changed by its own tag is
   * asked for again; when that can't be had, what is here will do.
   */
  public Found image(
      ImageReference wanted,
      @Nullable RegistryAuth auth,
      Consumer<PullProgress> progress,
      BooleanSupplier cancelled)
      throws EngineAwayException, InterruptedException {
    ImageReference elsewhere = wanted.orFrom(mirror);
    Optional<Image> local = find(wanted);
    ImageReference name = wanted;
    if (local.isEmpty() && !elsewhere.equals(wanted)) {
      local = find(elsewhere);
      name = elsewhere;
    }
    if (local.isPresent() && (!wanted.floats() || !local.get().pulled())) {
      return checked(name, local.get());
    }
    ImagePull pull = new ImagePull(api, elsewhere, auth, progress, cancelled);
    Optional<String> refusal = pull.run();
    if (pull.wasCancelled()) {
      return new Found.Cancelled();
    }
    if (refusal.isPresent()) {
      if (local.isPresent()) {
        log.info(name + " is used as it is on this host: " + Complaints.cut(refusal.get()));
        return checked(name, local.get());
      }
      return new Found.Refused(
          Complaints.ofPull(elsewhere, refusal.get(), engine().architecture()));
    }
    Optional<Image> pulled = find(elsewhere);
    return pulled.isPresent()
        ? checked(elsewhere, pulled.get())
        : new Found.Refused(
            Complaints.ofPull(elsewhere, "it is gone again after pulling", "this one"));
  }

  private Found checked(ImageReference name, Image image)
      throws EngineAwayException, InterruptedException {
    EngineInfo engine = engine();
    return engine.runs(image.architecture())
        ? new Found.Here(image)
        : new Found.Refused(
            Complaints.otherArchitecture(name, image.architecture(), engine.architecture()));
  }

  private Optional<Image> find(ImageReference name)
      throws EngineAwayException, InterruptedException {
    try {
      return Optional.of(
          Image.of(api.get("/images/" + name.local().replace("@", "%40") + "/json", SHORT)));
    } catch (DockerException e) {
      return Optional.empty();
    }
  }

  // --- containers --------------------------------------------------------------------------------

  public static String containerName(JobId task) {
    return "dstack-" + task;
  }

  /** Present: why it can't be. Made twice under one name, it is one. */
  public Optional<TaskExit> create(Blueprint blueprint) throws IOException, InterruptedException {
    try {
      JsonNode json = blueprint.json(engine(), accelerators);
      api.call("POST", "/containers/create?name=" + blueprint.name(), json, LONG);
      return Optional.empty();
    } catch (Blueprint.ImpossibleException e) {
      return Optional.of(Complaints.notCreated(String.valueOf(e.getMessage())));
    } catch (DockerException e) {
      if (e.status() == 409 && inspect(blueprint.name()).isPresent()) {
        return Optional.empty();
      }
      return Optional.of(Complaints.ofStart(blueprint.request().image(), e.words()));
    }
  }

  /** Present: why it can't be started. */
  public Optional<TaskExit> start(String name, String image)
      throws EngineAwayException, InterruptedException {
    try {
      api.call("POST", "/containers/" + name + "/start", null, LONG);
      return Optional.empty();
    } catch (DockerException e) {
      return Optional.of(Complaints.ofStart(image, e.words()));
    }
  }

  /** Empty: there is none of this name. */
  public Optional<ContainerView> inspect(String name)
      throws EngineAwayException, InterruptedException {
    try {
      return Optional.of(ContainerView.of(api.get("/containers/" + name + "/json", SHORT)));
    } catch (DockerException e) {
      if (e.status() == 404) {
        return Optional.empty();
      }
      throw new EngineAwayException(name() + " does not tell about " + name + ": " + e.words(), e);
    }
  }

  /** Returns when it has ended or is gone; false: the engine does not say any more. */
  public boolean awaitEnd(String name) {
    try (DockerApi.Stream answer =
        api.stream("POST", "/containers/" + name + "/wait?condition=not-running", Map.of())) {
      return answer.next() != null;
    } catch (DockerException e) {
      return true;
    } catch (EngineAwayException e) {
      return false;
    }
  }

  /** No error when there is nothing to signal. */
  public void signal(String name, String signal) throws EngineAwayException, InterruptedException {
    try {
      api.call("POST", "/containers/" + name + "/kill?signal=" + signal, null, SHORT);
    } catch (DockerException e) {
      // 404 and 409: it has ended. What else it may be shows when it does not end.
      if (e.status() != 404 && e.status() != 409) {
        log.warn(name + " could not be sent " + signal + ": " + e.words(), null);
      }
    }
  }

  /** With its volumes; false: the engine could not, for now. */
  public boolean remove(String name) throws EngineAwayException, InterruptedException {
    try {
      api.call("DELETE", "/containers/" + name + "?force=1&v=1", null, LONG);
      return true;
    } catch (DockerException e) {
      // 409: another call is removing it already.
      if (e.status() == 404) {
        return true;
      }
      log.info(name + " could not be removed yet: " + Complaints.cut(e.words()));
      return false;
    }
  }

  /** The last words of a container's first process, for when it said nothing elsewhere. */
  public String lastWords(String name) throws InterruptedException {
    try {
      byte[] framed =
          api.bytes("GET", "/containers/" + name + "/logs?stdout=1&stderr=1&tail=20", null, SHORT);
      StringBuilder text = new StringBuilder();
      // Frames of a stream without a terminal: 4 bytes of kind, 4 of length.
      for (int at = 0; at + 8 <= framed.length; ) {
        int length = java.nio.ByteBuffer.wrap(framed, at + 4, 4).getInt();
        int end = Math.min(framed.length, at + 8 + Math.max(0, length));
        text.append(new String(framed, at + 8, end - at - 8, StandardCharsets.UTF_8));
        at = end;
      }
      return Complaints.cut(text.toString());
    } catch (DockerException | EngineAwayException e) {
      return "";
    }
  }

  public Optional<JsonNode> stats(String name) throws InterruptedException {
    try {
      return Optional.of(
          api.get("/containers/" + name + "/stats?stream=false&one-shot=true", SHORT));
    } catch (DockerException | EngineAwayException e) {
      return Optional.empty();
    }
  }

  /** Removes this agent's containers of tasks that it does not have. */
  public List<String> sweep(Predicate<String> owned)
      throws EngineAwayException, InterruptedException {
    List<String> removed = new ArrayList<>();
    try {
      String filter = "{\"label\":[\"" + AGENT_LABEL + "=" + agentId + "\"]}";
      for (JsonNode one :
          api.get("/containers/json?all=1&filters=" + DockerApi.encode(filter), SHORT)) {
        String task = one.path("Labels").path(TASK_LABEL).asString("");
        String id = one.path("Id").asString("");
        if (!owned.test(task) && remove(id)) {
          removed.add(task);
        }
      }
    } catch (DockerException e) {
      throw new EngineAwayException(name() + " does not list containers: " + e.words(), e);
    }
    return removed;
  }
}
