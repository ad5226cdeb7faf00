package dev.dstack.activities.cloud;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.dstack.activities.AgentProcess;
import dev.dstack.activities.Fixture;
import dev.dstack.activities.backend.BackendRegistry;
import dev.dstack.activities.host.AgentDirectory;
import dev.dstack.activities.host.HttpHostAgent;
import dev.dstack.activities.support.Heartbeats;
import dev.dstack.backends.AgentAddress;
import dev.dstack.backends.BackendContext;
import dev.dstack.backends.BackendFactory;
import dev.dstack.backends.ComputeBackend;
import dev.dstack.backends.InstanceTag;
import dev.dstack.backends.Machine;
import dev.dstack.backends.MachineSpec;
import dev.dstack.db.metrics.HostChecks;
import dev.dstack.db.records.BackendStore;
import dev.dstack.db.records.BackendStore.StoredBackend;
import dev.dstack.db.records.InstanceMachines;
import dev.dstack.db.views.OfferReader;
import dev.dstack.model.agent.HostHealth;
import dev.dstack.model.agent.HostInfo;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.json.Json;
import dev.dstack.model.offer.Availability;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.offer.Requirements;
import dev.dstack.model.resources.CpuArch;
import dev.dstack.model.resources.Resources;
import dev.dstack.workflows.instance.CloudActivities;
import dev.dstack.workflows.instance.CloudActivities.HostNews;
import dev.dstack.workflows.instance.CloudActivities.MachineOrder;
import dev.dstack.workflows.support.DataConverters;
import io.temporal.activity.ActivityOptions;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.testing.TestActivityEnvironment;
import io.temporal.testing.TestEnvironmentOptions;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The activities of an instance against a provider written for this test and a real agent. */
class CloudActivitiesTest {
  private static final BackendType CLOUD = new BackendType("cloud");
  private static final Offer OFFER =
      new Offer(
          CLOUD,
          "small",
          "here",
          new Resources(CpuArch.X86, 2, 1024, 1024, List.of(), false),
          0.5,
          Availability.AVAILABLE,
          Map.of());

  private final Fixture fixture = new Fixture();
  private final Cloud cloud = new Cloud();
  private final HttpClient http = HttpHostAgent.client();
  private final Heartbeats heartbeats = new Heartbeats();
  private final BackendStore store = new BackendStore(fixture.api, fixture.encryption);
  private BackendRegistry registry;
  private AgentDirectory directory;
  private TestActivityEnvironment temporal;
  private CloudActivitiesImpl implementation;
  private CloudActivities activities;

  @BeforeEach
  void open() {
    configure("{\"size\": 1}");
    SortedMap<BackendType, BackendFactory> factories =
        new TreeMap<>(Comparator.comparing(BackendType::name));
    factories.put(CLOUD, cloud);
    registry =
        new BackendRegistry(
            new BackendStore(fixture.worker, fixture.encryption), fixture.context(), factories);
    directory =
        new AgentDirectory(
            new InstanceMachines(fixture.worker, fixture.encryption, fixture.clock),
            registry,
            http,
            fixture.hosts());
    implementation =
        new CloudActivitiesImpl(
            registry,
            directory,
            fixture.hosts(),
            new HealthChecks(new HostChecks(fixture.worker), fixture.clock, Duration.ofMillis(100)),
            new LeftTasks(fixture.worker, fixture.clock, Duration.ofMinutes(5)),
            heartbeats,
            Duration.ofMillis(50),
            3);
    temporal =
        TestActivityEnvironment.newInstance(
            TestEnvironmentOptions.newBuilder()
                .setWorkflowClientOptions(
                    WorkflowClientOptions.newBuilder()
                        .setDataConverter(DataConverters.create())
                        .build())
                .build());
    temporal.registerActivitiesImplementations(implementation);
    activities =
        temporal.newActivityStub(
            CloudActivities.class,
            ActivityOptions.newBuilder().setStartToCloseTimeout(Duration.ofMinutes(5)).build());
  }

  @AfterEach
  void close() {
    temporal.close();
    heartbeats.close();
    http.close();
    fixture.close();
  }

  @Test
  void aMachineIsMadeOnceWatchedAndEnded() throws Exception {
    MachineOrder order = order();
    activities.ensureMachine(order);
    activities.ensureMachine(order);
    assertThat(cloud.created).isEqualTo(1);
    assertKind(() -> implementation.awaitHost(order), ErrorKind.NOT_READY);
    assertKind(() -> directory.agentOf(order.instance()), ErrorKind.AGENT_UNREACHABLE);

    try (AgentProcess agent = new AgentProcess(fixture.serverDir.resolve("agent"));
        ExecutorService pool = Executors.newVirtualThreadPerTaskExecutor()) {
      cloud.agent = agent.address();
      assertThat(activities.awaitHost(order).hostname()).isEqualTo("h");
      assertThat(directory.agentOf(order.instance()).info().agentVersion()).isNotBlank();

      CompletableFuture<HostNews> silent =
          CompletableFuture.supplyAsync(() -> activities.watchHost(order, true, null), pool);
      agent.kill();
      assertThat(silent.get().reachable()).isFalse();
      assertKind(() -> implementation.awaitHost(order), ErrorKind.NOT_READY);

      CompletableFuture<HostNews> back =
          CompletableFuture.supplyAsync(() -> activities.watchHost(order, false, true), pool);
      agent.restart();
      cloud.agent = agent.address();
      assertThat(back.get().reachable()).isTrue();
      assertThat(directory.agentOf(order.instance()).info().agentVersion()).isNotBlank();
    }

    activities.terminateMachine(order);
    activities.terminateMachine(order);
    assertThat(cloud.machines).isEmpty();
    assertKind(() -> directory.agentOf(order.instance()), ErrorKind.HOST_LOST);
    assertKind(() -> implementation.awaitHost(order), ErrorKind.HOST_LOST);
  }

  @Test
  void failingAcceleratorsAreToldAndThatTheyAreWellAgain() throws Exception {
    HostHealth well = new HostHealth(HostHealth.Level.HEALTHY, List.of());
    AtomicReference<HostHealth> health = new AtomicReference<>(well);
    HttpServer host =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    HostInfo info = new HostInfo("1", "host", "boot", OFFER.resources());
    host.createContext("/v1/info", exchange -> answer(exchange, info));
    host.createContext("/v1/tasks", exchange -> answer(exchange, List.of()));
    host.createContext("/v1/health", exchange -> answer(exchange, health.get()));
    host.start();
    try (ExecutorService pool = Executors.newVirtualThreadPerTaskExecutor()) {
      cloud.agent =
          new AgentAddress(URI.create("http://127.0.0.1:" + host.getAddress().getPort()), "token");
      MachineOrder order = order();
      activities.ensureMachine(order);
      activities.awaitHost(order);
      health.set(new HostHealth(HostHealth.Level.FAILURE, List.of("GPU 0: memory")));
      HostNews sick = activities.watchHost(order, true, true);
      assertThat(sick).isEqualTo(HostNews.health(false, "GPU 0: memory"));

      CompletableFuture<HostNews> back =
          CompletableFuture.supplyAsync(() -> activities.watchHost(order, true, false), pool);
      health.set(new HostHealth(HostHealth.Level.WARNING, List.of("GPU 0: warm")));
      assertThat(back.get().fit()).as("a warning is no failure").isTrue();
    } finally {
      host.stop(0);
    }
  }

  private static void answer(HttpExchange exchange, Object body) throws IOException {
    byte[] json = Json.lenient().writeValueAsBytes(body);
    exchange.sendResponseHeaders(200, json.length);
    exchange.getResponseBody().write(json);
    exchange.close();
  }

  @Test
  void aBackendIsMadeAnewWhenItsConfigurationChanges() {
    activities.offers(fixture.project, CLOUD, OfferPublisher.ANYTHING);
    activities.offers(fixture.project, CLOUD, OfferPublisher.ANYTHING);
    assertThat(cloud.configs).containsExactly(Map.of("size", 1));
    configure("{\"size\": 2}");
    activities.offers(fixture.project, CLOUD, OfferPublisher.ANYTHING);
    assertThat(cloud.configs).containsExactly(Map.of("size", 1), Map.of("size", 2));
  }

  @Test
  void machinesCanBeEndedAfterTheBackendWasTakenOut() {
    MachineOrder order = order();
    activities.ensureMachine(order);
    store.delete(fixture.project, List.of("cloud"));
    assertKind(() -> implementation.ensureMachine(order), ErrorKind.BACKEND_DENIED);
    activities.terminateMachine(order);
    assertThat(cloud.machines).isEmpty();
  }

  @Test
  void offersAreShownAndGoWithTheirBackend() {
    OfferPublisher publisher = new OfferPublisher(fixture.worker, registry, fixture.clock);
    OfferReader shown = new OfferReader(fixture.api);
    publisher.publish();
    assertThat(shown.offers(fixture.project).getFirst().offersJson()).contains("small");
    cloud.down = true;
    publisher.publish();
    assertThat(shown.offers(fixture.project).getFirst().offersJson()).contains("small");
    assertThat(shown.offers(fixture.project).getFirst().error()).contains("down");
    store.delete(fixture.project, List.of("cloud"));
    publisher.publish();
    assertThat(shown.offers(fixture.project)).isEmpty();
    publisher.close();
  }

  private void configure(String json) {
    store.save(
        fixture.project,
        new StoredBackend("cloud", Json.lenient().readTree(json), null, BackendStore.Source.API),
        fixture.clock.instant());
  }

  private MachineOrder order() {
    return new MachineOrder(
        new InstanceId(UUID.randomUUID()), 1, "fleet-0", fixture.project, "main", OFFER);
  }

  private static void assertKind(Runnable call, ErrorKind kind) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(DstackException.class, e -> assertThat(e.kind()).isEqualTo(kind));
  }

  /** A provider in memory. */
  private static final class Cloud implements BackendFactory, ComputeBackend {
    private final Map<InstanceTag, MachineSpec> machines = new ConcurrentHashMap<>();
    private final List<Map<String, Object>> configs = new java.util.ArrayList<>();
    private volatile @Nullable AgentAddress agent;
    private volatile boolean down;
    private int created;

    @Override
    public BackendType type() {
      return CLOUD;
    }

    @Override
    public ComputeBackend create(BackendContext context, Map<String, Object> config) {
      configs.add(config);
      return this;
    }

    @Override
    public List<Offer> offers(Requirements requirements) {
      if (down) {
        throw new DstackException(ErrorKind.BACKEND_UNAVAILABLE, "the cloud is down");
      }
      return List.of(OFFER);
    }

    @Override
    public Machine ensure(MachineSpec spec) {
      if (machines.putIfAbsent(spec.tag(), spec) == null) {
        created++;
      }
      return find(spec.tag()).orElseThrow();
    }

    @Override
    public Optional<Machine> find(InstanceTag tag) {
      return Optional.ofNullable(machines.get(tag))
          .map(spec -> new Machine(tag, tag.token(), spec.offer(), "h", agent));
    }

    @Override
    public void terminate(InstanceTag tag) {
      machines.remove(tag);
    }
  }
}
