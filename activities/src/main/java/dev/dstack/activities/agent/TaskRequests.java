package dev.dstack.activities.agent;

import dev.dstack.db.records.FileStore;
import dev.dstack.db.records.JobVolume;
import dev.dstack.db.records.RunPrivate;
import dev.dstack.db.records.RunRecord;
import dev.dstack.db.views.JobViewRow;
import dev.dstack.model.agent.AccessRequest;
import dev.dstack.model.agent.ContainerRequest;
import dev.dstack.model.agent.ContainerRequest.RegistryAuth;
import dev.dstack.model.agent.TaskRequest;
import dev.dstack.model.agent.TaskRequest.FileMount;
import dev.dstack.model.agent.VolumeRequest;
import dev.dstack.model.config.GroupReferences;
import dev.dstack.model.config.JobSpecs;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.json.Json;
import dev.dstack.model.wire.configuration.Env;
import dev.dstack.model.wire.configuration.VolumeMountPoint;
import dev.dstack.model.wire.file.FileArchiveMapping;
import dev.dstack.model.wire.run.JobSpec;
import dev.dstack.model.wire.run.RunSpec;
import dev.dstack.workflows.fleet.Placement;
import dev.dstack.workflows.job.AgentActivities.TaskRef;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** What a job's owner has given, as a task for a host: commands, environment, secrets, files. */
final class TaskRequests {
  private final RunSources sources;
  private final Repos repos;
  private final Nodes replicas;
  private final long logQuotaBytesPerHour;

  TaskRequests(RunSources sources, long logQuotaBytesPerHour) {
    this.sources = sources;
    this.repos = new Repos(sources.repos());
    this.replicas = new Nodes(sources.views());
    this.logQuotaBytesPerHour = logQuotaBytesPerHour;
  }

  /** A task and what has to be on the host before it. */
  record Prepared(TaskRequest request, List<Upload> uploads) {}

  /**
   * @param hash of the content, lower-case hex SHA-256
   * @param what it is, for an error
   */
  record Upload(String hash, String what, Supplier<byte[]> content) {}

  /**
   * @throws DstackException SECRET_NOT_FOUND, FILE_NOT_FOUND, INVALID_SPEC, or NOT_FOUND when the
   *     run is gone
   */
  Prepared prepare(TaskRef task) {
    RunRecord run =
        sources
            .runs()
            .find(task.run())
            .orElseThrow(
                () ->
                    new DstackException(
                        ErrorKind.NOT_FOUND, "Run " + task.run() + " is not in the records."));
    RunPrivate given = sources.runs().secretsOf(task.run());
    SecretValues secrets = new SecretValues(sources.secrets(), run.projectId());
    RunSpec redacted = Json.lenient().readValue(run.specJson(), RunSpec.class);
    Map<String, String> env = new LinkedHashMap<>(secrets.in("env", given.env()));
    RunSpec spec = withEnv(redacted, Env.of(env));
    JobSpec job = jobSpec(spec, task);
    boolean container = !job.imageName().isEmpty();
    List<Placement> nodes = nodes(task, job);
    boolean several = job.jobsPerReplica() > 1 && task.submissionNum() != null;
    @Nullable Placement own = nodes.size() > task.jobNum() ? nodes.get(task.jobNum()) : null;
    if (!container && own != null) {
      GpuPins.variables(own).forEach(env::putIfAbsent);
    }
    env.putAll(dstackVariables(task, run, job, nodes));
    List<Upload> uploads = new ArrayList<>();
    List<FileMount> mounts = new ArrayList<>();
    for (FileArchiveMapping archive : job.fileArchives()) {
      String hash = hash(archive);
      mounts.add(new FileMount(hash, archive.path()));
      uploads.add(new Upload(hash, "the archive for " + archive.path(), () -> content(archive)));
    }
    Repos.@Nullable Found repo = repos.of(run, spec, job, container);
    if (repo != null && repo.upload() != null) {
      uploads.add(repo.upload());
    }
    TaskRequest request =
        new TaskRequest(
            task.job(),
            job.jobName(),
            commands(spec, job, nodes),
            env,
            // A relative one is below the task's own directory; a container's default is no host's.
            container ? job.workingDir() : spec.configuration().base().workingDir(),
            spec.configuration().base().user(),
            mounts,
            job.maxDuration() == null ? null : job.maxDuration().longValue(),
            job.stopDuration() == null ? 300 : job.stopDuration(),
            logQuotaBytesPerHour,
            container ? container(task, job, placed(own), given, secrets) : null,
            repo == null ? null : repo.request(),
            access(run, spec, given.nodeKey()),
            volumes(task, job),
            several ? Nodes.request(task.jobNum(), nodes) : null);
    return new Prepared(request, uploads);
  }

  private static Placement placed(@Nullable Placement placement) {
    if (placement == null) {
      throw new DstackException(
          ErrorKind.NOT_READY, "Where the job is placed has not been written down yet.");
    }
    return placement;
  }

  private ContainerRequest container(
      TaskRef task, JobSpec job, Placement placement, RunPrivate given, SecretValues secrets) {
    String username = given.registryUsername();
    String password = given.registryPassword();
    RegistryAuth auth = null;
    if (username != null && password != null) {
      Map<String, String> values =
          secrets.in("registry_auth", Map.of("username", username, "password", password));
      auth =
          new RegistryAuth(
              values.getOrDefault("username", ""), values.getOrDefault("password", ""));
    }
    return Containers.of(task, job, placement, sources.containers(), auth);
  }

  /** What has been attached for the job's mounts, in their order. */
  private List<VolumeRequest> volumes(TaskRef task, JobSpec job) {
    List<VolumeMountPoint> mounts =
        job.volumes() == null
            ? List.of()
            : job.volumes().stream()
                .filter(VolumeMountPoint.class::isInstance)
                .map(VolumeMountPoint.class::cast)
                .toList();
    if (mounts.isEmpty()) {
      return List.of();
    }
    List<JobVolume> attached = sources.volumes().of(task.job());
    if (attached.size() != mounts.size()) {
      throw new DstackException(
          ErrorKind.NOT_READY, "The job's volumes have not all been attached yet.");
    }
    List<VolumeRequest> requests = new ArrayList<>();
    for (int i = 0; i < mounts.size(); i++) {
      JobVolume volume = attached.get(i);
      requests.add(
          new VolumeRequest(
              volume.name(),
              volume.volume().toString(),
              volume.providerId(),
              volume.device(),
              volume.directory(),
              volume.format(),
              mounts.get(i).path()));
    }
    return requests;
  }

  /** Whoever applied the run, with all keys that are known to be theirs, and the project's. */
  private AccessRequest access(RunRecord run, RunSpec spec, RunPrivate.@Nullable NodeKey nodeKey) {
    Set<String> keys = new LinkedHashSet<>();
    String brought = spec.sshKeyPub();
    if (brought != null && !brought.isBlank()) {
      keys.add(brought.strip());
    }
    keys.addAll(sources.keys().of(run.projectId(), run.userId()));
    if (nodeKey == null) {
      return new AccessRequest(List.copyOf(keys), null, null);
    }
    keys.add(nodeKey.publicKey().strip());
    return new AccessRequest(List.copyOf(keys), null, nodeKey.privateKey());
  }

  private byte[] content(FileArchiveMapping archive) {
    return sources
        .files()
        .content(archive.id())
        .map(FileStore.StoredArchive::blob)
        .orElseThrow(
            () ->
                new DstackException(
                    ErrorKind.FILE_NOT_FOUND,
                    "The archive for " + archive.path() + " is not on the server any more."));
  }

  private static RunSpec withEnv(RunSpec spec, Env env) {
    return new RunSpec(
        spec.runName(),
        spec.repoId(),
        spec.repoData(),
        spec.repoCodeHash(),
        spec.repoDir(),
        spec.fileArchives(),
        spec.workingDir(),
        spec.configurationPath(),
        spec.configuration().withEnv(env),
        spec.profile(),
        spec.sshKeyPub());
  }

  private JobSpec jobSpec(RunSpec spec, TaskRef task) {
    return JobSpecs.of(spec, task.replicaNum(), sources.containers()).stream()
        .filter(job -> job.jobNum() == task.jobNum())
        .findFirst()
        .orElseThrow(
            () ->
                new DstackException(
                    ErrorKind.INVALID_SPEC,
                    "Run " + task.runName() + " has no job " + task.jobNum() + " any more."));
  }

  private static List<String> commands(RunSpec spec, JobSpec job, List<Placement> nodes) {
    List<String> addresses = new ArrayList<>();
    for (int node = 0; node < Math.max(1, job.jobsPerReplica()); node++) {
      addresses.add(
          job.jobsPerReplica() > 1 && nodes.size() > node
              ? Nodes.address(nodes.get(node))
              : Nodes.address(null));
    }
    return withoutTerminal(job.commands()).stream()
        .map(word -> GroupReferences.resolve(word, spec.configuration(), addresses))
        .toList();
  }

  /** A job has no terminal, and an interactive shell without one complains. */
  private static List<String> withoutTerminal(List<String> commands) {
    boolean interactive = commands.size() > 2 && commands.get(1).equals("-i");
    if (!interactive) {
      return commands;
    }
    List<String> plain = new ArrayList<>(commands);
    plain.remove(1);
    return plain;
  }

  private String hash(FileArchiveMapping archive) {
    return sources
        .files()
        .hash(archive.id())
        .orElseThrow(
            () ->
                new DstackException(
                    ErrorKind.FILE_NOT_FOUND,
                    "The archive for "
                        + archive.path()
                        + " is not on the server any more; apply again."));
  }

  private static Map<String, String> dstackVariables(
      TaskRef task, RunRecord run, JobSpec job, List<Placement> nodes) {
    List<String> addresses = new ArrayList<>();
    int gpus = 0;
    for (int node = 0; node < Math.max(1, job.jobsPerReplica()); node++) {
      int number = node;
      @Nullable Placement placement = nodes.size() > number ? nodes.get(number) : null;
      addresses.add(Nodes.address(job.jobsPerReplica() == 1 ? null : placement));
      gpus += placement == null ? 0 : placement.taken().gpus().size();
    }
    int own = nodes.size() > task.jobNum() ? nodes.get(task.jobNum()).taken().gpus().size() : 0;
    Map<String, String> variables = new LinkedHashMap<>();
    variables.put("DSTACK_RUN_NAME", task.runName());
    variables.put("DSTACK_RUN_ID", task.run().toString());
    variables.put("DSTACK_JOB_ID", task.job().toString());
    variables.put("DSTACK_PROJECT_NAME", run.project());
    variables.put("DSTACK_GPUS_NUM", Integer.toString(gpus));
    variables.put("DSTACK_NODES_NUM", Integer.toString(job.jobsPerReplica()));
    variables.put("DSTACK_GPUS_PER_NODE", Integer.toString(own));
    variables.put("DSTACK_NODE_RANK", Integer.toString(job.jobNum()));
    variables.put("DSTACK_MASTER_NODE_IP", addresses.getFirst());
    variables.put("DSTACK_NODES_IPS", String.join("\n", addresses));
    String repo = repoId(run);
    if (repo != null) {
      variables.put("DSTACK_REPO_ID", repo);
    }
    return variables;
  }

  private static @Nullable String repoId(RunRecord run) {
    return Json.lenient().readTree(run.specJson()).path("repo_id").asStringOpt().orElse(null);
  }

  /** Where the nodes of this replica are, by their number; only what is placed already. */
  private List<Placement> nodes(TaskRef task, JobSpec spec) {
    Integer submission = task.submissionNum();
    if (spec.jobsPerReplica() > 1 && submission != null) {
      return replicas.of(task, submission, spec.jobsPerReplica());
    }
    Map<Integer, JobViewRow> latest = new TreeMap<>();
    sources
        .views()
        .get(task.run())
        .ifPresent(
            run ->
                run.jobs().stream()
                    .filter(job -> job.replicaNum() == task.replicaNum())
                    .sorted(Comparator.comparingInt(JobViewRow::submissionNum))
                    .forEach(job -> latest.put(job.jobNum(), job)));
    return latest.values().stream()
        .map(JobViewRow::placementJson)
        .filter(Objects::nonNull)
        .map(json -> Json.lenient().readValue(json, Placement.class))
        .toList();
  }
}
