package dev.dstack.activities.agent;

import dev.dstack.db.records.FileStore;
import dev.dstack.db.records.RunPrivate;
import dev.dstack.db.records.RunRecord;
import dev.dstack.db.records.RunSubmissions;
import dev.dstack.db.records.SecretStore;
import dev.dstack.db.views.JobViewRow;
import dev.dstack.db.views.RunReader;
import dev.dstack.model.agent.TaskRequest;
import dev.dstack.model.agent.TaskRequest.FileMount;
import dev.dstack.model.config.JobSpecs;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.json.Json;
import dev.dstack.model.wire.configuration.Env;
import dev.dstack.model.wire.file.FileArchiveMapping;
import dev.dstack.model.wire.run.JobSpec;
import dev.dstack.model.wire.run.RunSpec;
import dev.dstack.workflows.fleet.Placement;
import dev.dstack.workflows.job.AgentActivities.TaskRef;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** What a job's owner has given, as a task for a host: commands, environment, secrets, files. */
final class TaskRequests {
  private static final String LOCAL_ADDRESS = "127.0.0.1";

  private final RunSubmissions runs;
  private final RunReader views;
  private final SecretStore secrets;
  private final FileStore files;
  private final long logQuotaBytesPerHour;

  TaskRequests(
      RunSubmissions runs,
      RunReader views,
      SecretStore secrets,
      FileStore files,
      long logQuotaBytesPerHour) {
    this.runs = runs;
    this.views = views;
    this.secrets = secrets;
    this.files = files;
    this.logQuotaBytesPerHour = logQuotaBytesPerHour;
  }

  /** A task and the archives that have to be on the host before it. */
  record Prepared(TaskRequest request, List<FileArchiveMapping> archives) {}

  /**
   * @throws DstackException SECRET_NOT_FOUND, FILE_NOT_FOUND, or NOT_FOUND when the run is gone
   */
  Prepared prepare(TaskRef task) {
    RunRecord run =
        runs.find(task.run())
            .orElseThrow(
                () ->
                    new DstackException(
                        ErrorKind.NOT_FOUND, "Run " + task.run() + " is not in the records."));
    RunPrivate given = runs.secretsOf(task.run());
    RunSpec redacted = Json.lenient().readValue(run.specJson(), RunSpec.class);
    Map<String, String> env = new LinkedHashMap<>(withSecrets(given.env(), run.projectId()));
    RunSpec spec = withEnv(redacted, Env.of(env));
    JobSpec job = jobSpec(spec, task);
    env.putAll(dstackVariables(task, run, job));
    List<FileMount> mounts = new ArrayList<>();
    for (FileArchiveMapping archive : job.fileArchives()) {
      mounts.add(new FileMount(hash(archive), archive.path()));
    }
    TaskRequest request =
        new TaskRequest(
            task.job(),
            job.jobName(),
            withoutTerminal(job.commands()),
            env,
            // A relative one is below the task's own directory; a container's default is no host's.
            spec.configuration().base().workingDir(),
            spec.configuration().base().user(),
            mounts,
            job.maxDuration() == null ? null : job.maxDuration().longValue(),
            job.stopDuration() == null ? 300 : job.stopDuration(),
            logQuotaBytesPerHour);
    return new Prepared(request, job.fileArchives());
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

  private static JobSpec jobSpec(RunSpec spec, TaskRef task) {
    return JobSpecs.of(spec, task.replicaNum()).stream()
        .filter(job -> job.jobNum() == task.jobNum())
        .findFirst()
        .orElseThrow(
            () ->
                new DstackException(
                    ErrorKind.INVALID_SPEC,
                    "Run " + task.runName() + " has no job " + task.jobNum() + " any more."));
  }

  /** A host process has no terminal, and an interactive shell without one complains. */
  private static List<String> withoutTerminal(List<String> commands) {
    boolean interactive = commands.size() > 2 && commands.get(1).equals("-i");
    if (!interactive) {
      return commands;
    }
    List<String> plain = new ArrayList<>(commands);
    plain.remove(1);
    return plain;
  }

  private Map<String, String> withSecrets(Map<String, String> env, ProjectId project) {
    Map<String, String> values = new HashMap<>();
    List<String> unknown = new ArrayList<>();
    for (String name : Interpolation.secretNames(env.values())) {
      secrets
          .get(project, name)
          .ifPresentOrElse(secret -> values.put(name, secret.value()), () -> unknown.add(name));
    }
    if (!unknown.isEmpty()) {
      throw new DstackException(
          ErrorKind.SECRET_NOT_FOUND,
          "env refers to secrets that the project does not have: "
              + String.join(", ", unknown)
              + ". Set them with `dstack secret set`.");
    }
    Map<String, String> interpolated = new TreeMap<>();
    env.forEach((name, value) -> interpolated.put(name, Interpolation.interpolate(value, values)));
    return interpolated;
  }

  private String hash(FileArchiveMapping archive) {
    return files
        .hash(archive.id())
        .orElseThrow(
            () ->
                new DstackException(
                    ErrorKind.FILE_NOT_FOUND,
                    "The archive for "
                        + archive.path()
                        + " is not on the server any more; apply again."));
  }

  private Map<String, String> dstackVariables(TaskRef task, RunRecord run, JobSpec job) {
    List<Placement> nodes = nodes(task);
    List<String> addresses = new ArrayList<>();
    int gpus = 0;
    for (int node = 0; node < Math.max(1, job.jobsPerReplica()); node++) {
      int number = node;
      @Nullable Placement placement = nodes.size() > number ? nodes.get(number) : null;
      String hostname = placement == null ? null : placement.hostname();
      addresses.add(job.jobsPerReplica() == 1 || hostname == null ? LOCAL_ADDRESS : hostname);
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
  private List<Placement> nodes(TaskRef task) {
    Map<Integer, JobViewRow> latest = new TreeMap<>();
    views
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
