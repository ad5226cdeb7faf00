package dev.dstack.api.run;

import dev.dstack.api.cost.Dollars;
import dev.dstack.api.run.StoredSpecs.Specs;
import dev.dstack.api.web.Now;
import dev.dstack.api.web.Wire;
import dev.dstack.db.views.JobViewRow;
import dev.dstack.db.views.RunRow;
import dev.dstack.db.views.RunViewRow;
import dev.dstack.model.agent.AccessRequest;
import dev.dstack.model.agent.PullProgress;
import dev.dstack.model.config.ContainerDefaults;
import dev.dstack.model.config.DevEnvironments;
import dev.dstack.model.config.RunSpecs;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.job.JobStatus;
import dev.dstack.model.json.Json;
import dev.dstack.model.offer.Availability;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.SshAccess;
import dev.dstack.model.resources.Resources;
import dev.dstack.model.run.RunStatus;
import dev.dstack.model.wire.common.NetworkMode;
import dev.dstack.model.wire.configuration.DevEnvironmentConfiguration;
import dev.dstack.model.wire.configuration.Ide;
import dev.dstack.model.wire.instance.InstanceOfferWithAvailability;
import dev.dstack.model.wire.instance.SshConnectionParams;
import dev.dstack.model.wire.resources.Memory;
import dev.dstack.model.wire.run.ImagePullProgress;
import dev.dstack.model.wire.run.Job;
import dev.dstack.model.wire.run.JobConnectionInfo;
import dev.dstack.model.wire.run.JobProvisioningData;
import dev.dstack.model.wire.run.JobRuntimeData;
import dev.dstack.model.wire.run.JobSpec;
import dev.dstack.model.wire.run.JobSubmission;
import dev.dstack.model.wire.run.Run;
import dev.dstack.model.wire.run.RunFleet;
import dev.dstack.model.wire.run.RunSpec;
import dev.dstack.workflows.fleet.Placement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** From what is stored and shown to the run of the API. */
record RunMapper(ContainerDefaults containers, ShownSubmissions shown, Now now) {
  private static final int SSH_PORT = 22;

  /** Jobs of the machine that the server is on are reached through its loopback. */
  private static final String LOOPBACK = "127.0.0.1";

  /**
   * @param jobs without them there is no latest submission either
   * @param submissions false: jobs are shown without their submissions
   * @param connection whether to say how to connect to running jobs
   */
  record Detail(boolean jobs, boolean submissions, boolean connection) {
    static final Detail FULL = new Detail(true, true, true);
    static final Detail LISTED = new Detail(true, true, false);
  }

  Run wire(RunRow row, Specs specs, Detail detail) {
    List<Job> jobs = detail.jobs() ? jobs(row, specs, detail) : List.of();
    List<JobSubmission> first = jobs.isEmpty() ? List.of() : jobs.getFirst().jobSubmissions();
    RunViewRow view = row.view();
    RunStatus status = row.status();
    return new Run(
        row.id().value(),
        row.project(),
        row.user(),
        view == null || view.fleet() == null
            ? null
            : new RunFleet(view.fleet().id().value(), view.fleet().name()),
        row.submittedAt(),
        row.lastProcessedAt(),
        status,
        view == null || view.statusMessage().isEmpty() ? status.wire() : view.statusMessage(),
        view == null ? null : view.terminationReason(),
        specs.run(),
        jobs,
        first.isEmpty() ? null : first.getLast(),
        Dollars.shown(row.cost()),
        null,
        row.deploymentNum(),
        view == null ? null : view.error(),
        row.deletedAt() != null,
        status.isFinal() ? null : nextTrigger(row, specs));
  }

  private @Nullable Instant nextTrigger(RunRow row, Specs specs) {
    RunViewRow view = row.view();
    return view != null && view.nextTriggeredAt() != null
        ? view.nextTriggeredAt()
        : RunSpecs.nextTrigger(specs.run(), now.instant()).orElse(null);
  }

  private List<Job> jobs(RunRow row, Specs specs, Detail detail) {
    if (row.jobs().isEmpty()) {
      boolean starts =
          row.status() == RunStatus.SUBMITTED && RunSpecs.profile(specs.run()).schedule() == null;
      return starts ? accepted(row, specs, detail) : List.of();
    }
    record Place(int replica, int job) {}
    Map<Place, List<JobViewRow>> byPlace = new LinkedHashMap<>();
    for (JobViewRow job : row.jobs()) {
      byPlace
          .computeIfAbsent(new Place(job.replicaNum(), job.jobNum()), _ -> new ArrayList<>())
          .add(job);
    }
    List<Job> jobs = new ArrayList<>();
    byPlace.forEach(
        (place, submissions) -> {
          JobSpec spec = spec(specs, place.replica(), place.job());
          if (spec != null) {
            boolean running = submissions.getLast().status() == JobStatus.RUNNING;
            jobs.add(
                new Job(
                    spec,
                    detail.submissions()
                        ? submissions.stream().map(one -> submission(one, spec)).toList()
                        : List.of(),
                    detail.connection() && running
                        ? connection(row.runName(), specs.run(), submissions.getLast())
                        : null));
          }
        });
    return jobs;
  }

  private static @Nullable JobSpec spec(Specs specs, int replica, int job) {
    for (JobSpec spec : specs.jobs()) {
      if (spec.replicaNum() == replica && spec.jobNum() == job) {
        return spec;
      }
    }
    return null;
  }

  /** An accepted run shows its first submissions before its workflow does. */
  private static List<Job> accepted(RunRow row, Specs specs, Detail detail) {
    return specs.jobs().stream()
        .map(
            spec ->
                new Job(
                    spec,
                    detail.submissions() ? List.of(acceptedSubmission(row, spec)) : List.of(),
                    null))
        .toList();
  }

  private static JobSubmission acceptedSubmission(RunRow row, JobSpec spec) {
    return new JobSubmission(
        JobId.of(row.id(), spec.replicaNum(), spec.jobNum(), 0).value(),
        0,
        row.deploymentNum(),
        row.submittedAt(),
        row.submittedAt(),
        null,
        null,
        JobStatus.SUBMITTED,
        JobStatus.SUBMITTED.wire(),
        null,
        null,
        null,
        null,
        null,
        null,
        List.of(),
        null);
  }

  private JobSubmission submission(JobViewRow job, JobSpec spec) {
    return shown.of(job, spec, () -> made(job, spec));
  }

  private JobSubmission made(JobViewRow job, JobSpec spec) {
    Placement placement =
        job.placementJson() == null
            ? null
            : Json.lenient().readValue(job.placementJson(), Placement.class);
    return new JobSubmission(
        job.id().value(),
        job.submissionNum(),
        0,
        job.submittedAt(),
        job.at(),
        job.finishedAt(),
        inactivity(job),
        job.status(),
        job.statusMessage().isEmpty() ? job.status().wire() : job.statusMessage(),
        job.terminationReason(),
        job.terminationReasonMessage(),
        job.exitStatus(),
        placement == null ? null : provisioning(job, placement),
        placement == null ? null : runtime(job, spec, placement),
        null,
        List.of(),
        pull(job));
  }

  private @Nullable Integer inactivity(JobViewRow job) {
    Instant since = job.unusedSince();
    return since == null || job.status() != JobStatus.RUNNING
        ? null
        : Integer.valueOf(
            Math.toIntExact(
                Math.clamp(
                    Duration.between(since, now.instant()).toSeconds(), 0, Integer.MAX_VALUE)));
  }

  private static @Nullable ImagePullProgress pull(JobViewRow job) {
    PullProgress pull = job.pull();
    return pull == null || job.status() != JobStatus.PULLING
        ? null
        : new ImagePullProgress(
            pull.downloaded(), pull.extracted(), pull.total(), pull.totalIsFinal());
  }

  private static JobProvisioningData provisioning(JobViewRow job, Placement placement) {
    boolean local = placement.offer().backend().equals(BackendType.LOCAL);
    String hostname = local ? LOOPBACK : placement.hostname() == null ? "" : placement.hostname();
    SshAccess login = SshAccess.of(placement.offer());
    if (login != null) {
      return behind(job, placement, hostname, login);
    }
    String own = placement.internalIp();
    String internal = own == null && !hostname.isEmpty() ? hostname : own;
    return new JobProvisioningData(
        Wire.backend(placement.offer().backend()),
        null,
        Wire.type(placement.offer()),
        machine(job, placement),
        hostname,
        internal,
        true,
        null,
        placement.offer().region(),
        placement.offer().zone(),
        placement.offer().reservation(),
        placement.offer().price(),
        job.username() == null ? "root" : job.username(),
        job.ports().getOrDefault(AccessRequest.SSH_PORT, SSH_PORT),
        false,
        null,
        null,
        Wire.gpuDriver(placement.offer()));
  }

  /** The name by which a person finds it at the provider; ours while there is none. */
  private static String machine(JobViewRow job, Placement placement) {
    return job.machine() == null ? placement.instance().toString() : job.machine();
  }

  /** Clients go through the machine to the job, whose port is in its runtime data. */
  private static JobProvisioningData behind(
      JobViewRow job, Placement placement, String hostname, SshAccess login) {
    SshAccess.Proxy proxy = login.proxy();
    return new JobProvisioningData(
        Wire.backend(placement.offer().backend()),
        null,
        Wire.type(placement.offer()),
        machine(job, placement),
        hostname,
        login.internalIp(),
        true,
        login.network(),
        placement.offer().region(),
        placement.offer().zone(),
        placement.offer().reservation(),
        placement.offer().price(),
        login.user(),
        login.port(),
        true,
        proxy == null
            ? null
            : new SshConnectionParams(proxy.hostname(), proxy.user(), proxy.port()),
        null,
        Wire.gpuDriver(placement.offer()));
  }

  private JobRuntimeData runtime(JobViewRow job, JobSpec spec, Placement placement) {
    Resources taken = placement.taken();
    boolean part = placement.shared();
    boolean hostNetwork =
        spec.imageName().isEmpty() || containers.hostNetwork(part, spec.jobsPerReplica());
    boolean started = job.runningAt() != null;
    InstanceOfferWithAvailability offer =
        Wire.offer(
            placement.offer(), Availability.IDLE, placement.blocks(), placement.totalBlocks());
    return new JobRuntimeData(
        hostNetwork ? NetworkMode.HOST : NetworkMode.BRIDGE,
        part ? Integer.valueOf(taken.gpus().size()) : null,
        part ? Double.valueOf(taken.cpus()) : null,
        part ? Memory.ofMib(taken.memoryMib()) : null,
        started ? job.ports() : null,
        job.volumeNames(),
        offer,
        job.workingDir(),
        job.username());
  }

  private static JobConnectionInfo connection(String runName, RunSpec spec, JobViewRow job) {
    Ide ide = spec.configuration() instanceof DevEnvironmentConfiguration dev ? dev.ide() : null;
    String directory = job.workingDir();
    return new JobConnectionInfo(
        ide == null ? null : DevEnvironments.displayName(ide),
        ide == null || directory == null ? null : DevEnvironments.url(ide, runName, directory),
        null,
        List.of("ssh", runName),
        null,
        null,
        null,
        null);
  }
}
