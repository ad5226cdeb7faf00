package dev.dstack.activities.worker;

import dev.dstack.activities.agent.AgentActivitiesImpl;
import dev.dstack.activities.agent.RunSources;
import dev.dstack.activities.backend.BackendRegistry;
import dev.dstack.activities.catalog.CatalogActivitiesImpl;
import dev.dstack.activities.catalog.CatalogSchedule;
import dev.dstack.activities.catalog.StoredCatalog;
import dev.dstack.activities.cloud.CloudActivitiesImpl;
import dev.dstack.activities.cloud.HealthChecks;
import dev.dstack.activities.cloud.LeftTasks;
import dev.dstack.activities.cloud.OfferPublisher;
import dev.dstack.activities.host.AgentDirectory;
import dev.dstack.activities.host.Hosts;
import dev.dstack.activities.host.HttpHostAgent;
import dev.dstack.activities.host.Logins;
import dev.dstack.activities.metrics.JobSampler;
import dev.dstack.activities.metrics.Retention;
import dev.dstack.activities.projection.EventRetention;
import dev.dstack.activities.projection.ProjectionActivitiesImpl;
import dev.dstack.activities.signal.SignalActivitiesImpl;
import dev.dstack.activities.support.Heartbeats;
import dev.dstack.activities.support.WorkflowCalls;
import dev.dstack.activities.sweep.EndedByHand;
import dev.dstack.activities.sweep.InstanceOwners;
import dev.dstack.activities.sweep.OrphanEvents;
import dev.dstack.activities.sweep.SweepActivitiesImpl;
import dev.dstack.activities.sweep.SweepSchedule;
import dev.dstack.activities.volume.VolumeActivitiesImpl;
import dev.dstack.activities.volume.VolumeCloudActivitiesImpl;
import dev.dstack.backends.BackendContext;
import dev.dstack.db.Database;
import dev.dstack.db.catalog.CatalogStore;
import dev.dstack.db.crypto.Encryption;
import dev.dstack.db.log.LogStore;
import dev.dstack.db.metrics.HostChecks;
import dev.dstack.db.metrics.JobSamples;
import dev.dstack.db.records.AccessKeys;
import dev.dstack.db.records.BackendStore;
import dev.dstack.db.records.ConfiguredBackends;
import dev.dstack.db.records.FileStore;
import dev.dstack.db.records.Fleets;
import dev.dstack.db.records.HostKeyPins;
import dev.dstack.db.records.InstanceMachines;
import dev.dstack.db.records.ProjectStore;
import dev.dstack.db.records.RepoStore;
import dev.dstack.db.records.RunSubmissions;
import dev.dstack.db.records.SecretStore;
import dev.dstack.db.records.Volumes;
import dev.dstack.db.views.InstanceReader;
import dev.dstack.db.views.RunReader;
import dev.dstack.db.views.ViewWriter;
import dev.dstack.workflows.support.Options;
import dev.dstack.workflows.support.TaskQueues;
import dev.dstack.workflows.support.WorkflowTypes;
import io.temporal.activity.Activity;
import io.temporal.client.WorkflowClient;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerFactory;
import io.temporal.worker.WorkerFactoryOptions;
import io.temporal.worker.WorkerOptions;
import java.net.http.HttpClient;
import java.time.Duration;
import java.time.InstantSource;
import java.util.concurrent.TimeUnit;

/**
 * The workers of one process: one queue for decisions, one for calls to hosts, one for calls to
 * clouds, so that thousands of long watches hold up nothing else. Any number of processes may run
 * them on one database and one Temporal.
 */
public final class Workers implements AutoCloseable {
  private static final int FAILURES_UNTIL_UNREACHABLE = 3;
  private static final Duration HEALTH_EVERY = Duration.ofMinutes(1);
  private static final Duration LEFT_TASKS_EVERY = Duration.ofMinutes(5);
  private static final Duration DEADLOCK = Duration.ofSeconds(5);
  private static final Duration DRAIN = Duration.ofSeconds(5);

  private final WorkerFactory factory;
  private final Heartbeats heartbeats;
  private final OfferPublisher offers;
  private final EventRetention retention;
  private final Retention kept;
  private final JobSampler sampler;
  private final LeftCalls leftCalls;
  private final EndedByHand endedByHand;
  private final SweepSchedule sweepSchedule;
  private final CatalogSchedule catalogSchedule;
  private final HttpClient http;
  private final Hosts hosts;
  private final Duration offersEvery;

  private Workers(
      WorkerFactory factory,
      Heartbeats heartbeats,
      OfferPublisher offers,
      EventRetention retention,
      Retention kept,
      JobSampler sampler,
      LeftCalls leftCalls,
      EndedByHand endedByHand,
      SweepSchedule sweepSchedule,
      CatalogSchedule catalogSchedule,
      HttpClient http,
      Hosts hosts,
      Duration offersEvery) {
    this.factory = factory;
    this.heartbeats = heartbeats;
    this.offers = offers;
    this.retention = retention;
    this.kept = kept;
    this.sampler = sampler;
    this.leftCalls = leftCalls;
    this.endedByHand = endedByHand;
    this.sweepSchedule = sweepSchedule;
    this.catalogSchedule = catalogSchedule;
    this.http = http;
    this.hosts = hosts;
    this.offersEvery = offersEvery;
  }

  /**
   * Builds them without starting.
   *
   * @param client with the data converter of {@link dev.dstack.workflows.support.DataConverters}
   * @param database a pool of role WORKER
   */
  public static Workers create(
      WorkflowClient client,
      Database database,
      Encryption encryption,
      LogStore logs,
      InstantSource clock,
      WorkerSettings settings) {
    Heartbeats heartbeats = new Heartbeats();
    HttpClient http = HttpHostAgent.client();
    BackendRegistry backends =
        new BackendRegistry(
            new BackendStore(database, encryption),
            new BackendContext(
                settings.deployment(),
                settings.serverDir(),
                clock,
                new StoredCatalog(new CatalogStore(database, clock))));
    InstanceMachines machines = new InstanceMachines(database, encryption, clock);
    Hosts hosts =
        new Hosts(
            Hosts.remote(),
            machines,
            new HostKeyPins(database, clock),
            new Logins(
                new Fleets(database, encryption, clock), new ProjectStore(database, encryption)),
            settings.deployment());
    AgentDirectory directory = new AgentDirectory(machines, backends, http, hosts);
    JobSamples samples = new JobSamples(database);
    JobSampler sampler = new JobSampler(samples);
    AgentActivitiesImpl agent =
        new AgentActivitiesImpl(
            directory,
            new RunSources(
                new RunSubmissions(database, encryption, clock),
                new RunReader(database),
                new SecretStore(database, encryption),
                new FileStore(database),
                new RepoStore(database, encryption),
                new AccessKeys(database),
                new Volumes(database, clock),
                settings.containers()),
            new ViewWriter(database),
            (job, window, percent) -> samples.gpuBelow(job, percent, window, clock.instant()),
            clock,
            logs,
            heartbeats,
            sampler,
            settings.logQuotaBytesPerHour(),
            settings.hostUnreachableAfter());
    CloudActivitiesImpl cloud =
        new CloudActivitiesImpl(
            backends,
            directory,
            hosts,
            new HealthChecks(new HostChecks(database), clock, HEALTH_EVERY),
            new LeftTasks(database, clock, LEFT_TASKS_EVERY),
            heartbeats,
            settings.hostProbeEvery(),
            FAILURES_UNTIL_UNREACHABLE);

    WorkerFactory factory =
        WorkerFactory.newInstance(
            client,
            WorkerFactoryOptions.newBuilder()
                .setWorkflowCacheSize(settings.workflowCacheSize())
                .setUsingVirtualWorkflowThreads(true)
                .setMaxWorkflowThreadCount(Math.max(600, settings.workflowCacheSize() * 4))
                .setWorkerInterceptors(new FailureMapping())
                .build());
    Worker control = factory.newWorker(TaskQueues.CONTROL, control());
    control.registerWorkflowImplementationTypes(WorkflowTypes.options(), WorkflowTypes.all());
    ProjectionActivitiesImpl views =
        new ProjectionActivitiesImpl(new ViewWriter(database), hosts::ended);
    SignalActivitiesImpl signals = new SignalActivitiesImpl(client);
    control.registerActivitiesImplementations(views, signals);
    // Watching a host is a long call to an agent, whoever the host belongs to.
    Worker agents = factory.newWorker(TaskQueues.AGENTS, agents(settings));
    agents.registerActivitiesImplementations(agent, cloud);
    Worker clouds = factory.newWorker(TaskQueues.CLOUD, clouds(settings));
    clouds.registerActivitiesImplementations(
        cloud,
        new SweepActivitiesImpl(
            backends,
            () -> ConfiguredBackends.all(database),
            new SweepActivitiesImpl.Owners(
                new InstanceOwners(client),
                id -> new Fleets(database, encryption, clock).get(id).isPresent(),
                new Volumes(database, clock)::isDeleted),
            new OrphanEvents(database, clock),
            clock,
            settings.sweepDryRun()),
        new CatalogActivitiesImpl(
            database,
            new BackendStore(database, encryption),
            settings.catalog().awsUrl(),
            heartbeats,
            clock),
        new VolumeCloudActivitiesImpl(backends, directory, new Volumes(database, clock)),
        new VolumeActivitiesImpl(
            directory,
            new InstanceReader(database),
            new Volumes(database, clock),
            new RunSubmissions(database, encryption, clock),
            new ViewWriter(database),
            new WorkflowCalls(client),
            () -> Activity.getExecutionContext().getInfo().getWorkflowId()));
    return new Workers(
        factory,
        heartbeats,
        new OfferPublisher(database, backends, clock),
        new EventRetention(database, clock, settings.eventsKept()),
        new Retention(database, samples, logs, clock, settings.kept()),
        sampler,
        new LeftCalls(client),
        new EndedByHand(client, signals, new RunReader(database), views, directory, clock),
        new SweepSchedule(client),
        new CatalogSchedule(client, settings.catalog().every()),
        http,
        hosts,
        settings.offersEvery());
  }

  private static WorkerOptions control() {
    return WorkerOptions.newBuilder()
        .setUsingVirtualThreadsOnLocalActivityWorker(true)
        .setUsingVirtualThreadsOnActivityWorker(true)
        .setMaxConcurrentWorkflowTaskPollers(5)
        // Not a deadlock: a decision about a long queue on a machine that is busy with other
        // things.
        .setDefaultDeadlockDetectionTimeout(DEADLOCK.toMillis())
        .setMaxConcurrentActivityTaskPollers(2)
        .build();
  }

  private static WorkerOptions agents(WorkerSettings settings) {
    return WorkerOptions.newBuilder()
        .setUsingVirtualThreads(true)
        .setLocalActivityWorkerOnly(false)
        .setMaxConcurrentActivityExecutionSize(settings.agentSlots())
        // The rate follows from each call's own limit, with room for one that is lost.
        .setMaxHeartbeatThrottleInterval(Options.HOST_HEARTBEAT)
        .setMaxConcurrentActivityTaskPollers(5)
        .build();
  }

  private static WorkerOptions clouds(WorkerSettings settings) {
    return WorkerOptions.newBuilder()
        .setUsingVirtualThreads(true)
        .setMaxConcurrentActivityTaskPollers(2)
        .setMaxTaskQueueActivitiesPerSecond(settings.cloudCallsPerSecond())
        .build();
  }

  public void start() {
    offers.start(offersEvery);
    retention.start();
    kept.start();
    sampler.start();
    factory.start();
    leftCalls.start();
    endedByHand.start();
    sweepSchedule.start();
    catalogSchedule.start();
  }

  /** Shows at once what the backends offer, such as after a project got its first one. */
  public void publishOffers() {
    offers.publish();
  }

  /** Watches are handed back at once and go on in another worker. */
  @Override
  public void close() {
    offers.close();
    retention.close();
    kept.close();
    leftCalls.close();
    endedByHand.close();
    sweepSchedule.close();
    catalogSchedule.close();
    factory.shutdownNow();
    factory.awaitTermination(DRAIN.toMillis(), TimeUnit.MILLISECONDS);
    heartbeats.close();
    sampler.close();
    hosts.close();
    http.close();
  }
}
