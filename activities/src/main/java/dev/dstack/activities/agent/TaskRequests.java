package dev.dstack.activities.agent;

import dev.dstack.db.records.FileStore;
import dev.dstack.db.records.RunRecord;
import dev.dstack.db.records.RunSubmissions;
import dev.dstack.db.records.SecretStore;
import dev.dstack.model.agent.TaskRequest;
import dev.dstack.model.config.JobSpecs;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.json.Json;
import dev.dstack.model.wire.file.FileArchiveMapping;
import dev.dstack.model.wire.run.JobSpec;
import dev.dstack.model.wire.run.RunSpec;
import dev.dstack.workflows.job.AgentActivities.TaskRef;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Builds what a host agent is asked to run from what the run's owner has given. */
public final class TaskRequests {
  private static final Pattern SECRET =
      Pattern.compile("\\$\\{\\{\\s*secrets\\.([A-Za-z0-9_-]{1,200})\\s*}}");

  /** dstack's default of {@code DSTACK_SERVER_LOG_QUOTA_PER_JOB_HOUR}. */
  public static final long LOG_QUOTA_BYTES_PER_HOUR = 50L * 1024 * 1024;

  private final RunSubmissions runs;
  private final SecretStore secrets;
  private final FileStore files;
  private final long logQuotaBytesPerHour;

  public TaskRequests(
      RunSubmissions runs, SecretStore secrets, FileStore files, long logQuotaBytesPerHour) {
    this.runs = runs;
    this.secrets = secrets;
    this.files = files;
    this.logQuotaBytesPerHour = logQuotaBytesPerHour;
  }

  /**
   * @throws DstackException SECRET_NOT_FOUND, FILE_NOT_FOUND, NOT_FOUND: final, the owner has to
   *     change something
   */
  TaskRequest of(TaskRef task) {
    RunRecord run =
        runs.find(task.run())
            .orElseThrow(
                () ->
                    new DstackException(
                        ErrorKind.NOT_FOUND, "Run " + task.runName() + " is not in the database"));
    RunSpec spec = Json.lenient().readValue(run.specJson(), RunSpec.class);
    JobSpec job =
        JobSpecs.of(spec).stream()
            .filter(j -> j.replicaNum() == task.replicaNum() && j.jobNum() == task.jobNum())
            .findFirst()
            .orElseThrow(
                () ->
                    new DstackException(
                        ErrorKind.INVALID_SPEC,
                        "Run " + task.runName() + " has no job " + task.jobNum()));
    Map<String, String> env = new LinkedHashMap<>();
    runs.secretsOf(task.run())
        .env()
        .forEach((name, value) -> env.put(name, withSecrets(task.projectId(), name, value)));
    env.putAll(ownVariables(task, spec));
    Integer stopSeconds = job.stopDuration();
    Integer maxSeconds = job.maxDuration();
    return new TaskRequest(
        task.job(),
        job.jobName(),
        hostCommand(job.commands()),
        env,
        job.workingDir(),
        null,
        mounts(job.fileArchives()),
        maxSeconds == null ? null : maxSeconds.longValue(),
        stopSeconds == null ? 0 : stopSeconds,
        logQuotaBytesPerHour);
  }

  /** Which stored archive of the run has this hash. */
  Optional<UUID> archive(TaskRef task, String hash) {
    RunSpec spec =
        Json.lenient().readValue(runs.find(task.run()).orElseThrow().specJson(), RunSpec.class);
    return spec.fileArchives().stream()
        .map(FileArchiveMapping::id)
        .filter(id -> files.hash(id).filter(hash::equals).isPresent())
        .findFirst();
  }

  /** An interactive shell wants a terminal; a host process has none. */
  private static List<String> hostCommand(List<String> commands) {
    List<String> command = new ArrayList<>(commands);
    if (command.size() >= 3 && command.get(1).equals("-i") && command.get(2).equals("-c")) {
      command.remove(1);
    }
    return command;
  }

  private List<TaskRequest.FileMount> mounts(List<FileArchiveMapping> archives) {
    List<TaskRequest.FileMount> mounts = new ArrayList<>();
    for (FileArchiveMapping archive : archives) {
      String hash =
          files
              .hash(archive.id())
              .orElseThrow(
                  () ->
                      new DstackException(
                          ErrorKind.FILE_NOT_FOUND,
                          "The archive for `files` path "
                              + archive.path()
                              + " was not uploaded, or has been deleted"));
      mounts.add(new TaskRequest.FileMount(hash, archive.path()));
    }
    return mounts;
  }

  private String withSecrets(ProjectId project, String variable, String value) {
    if (!value.contains("${{")) {
      return value;
    }
    Matcher matcher = SECRET.matcher(value);
    StringBuilder text = new StringBuilder();
    while (matcher.find()) {
      String name = matcher.group(1);
      String secret =
          secrets
              .get(project, name)
              .orElseThrow(
                  () ->
                      new DstackException(
                          ErrorKind.SECRET_NOT_FOUND,
                          "Secret "
                              + name
                              + ", used by env variable "
                              + variable
                              + ", does not exist"))
              .value();
      matcher.appendReplacement(text, Matcher.quoteReplacement(secret));
    }
    return matcher.appendTail(text).toString();
  }

  /** What dstack sets in every job; a job on this machine is a cluster of one. */
  private static Map<String, String> ownVariables(TaskRef task, RunSpec spec) {
    Map<String, String> env = new LinkedHashMap<>();
    env.put("DSTACK_RUN_NAME", task.runName());
    env.put("DSTACK_RUN_ID", task.run().toString());
    env.put("DSTACK_JOB_ID", task.job().toString());
    String repo = spec.repoId();
    if (repo != null) {
      env.put("DSTACK_REPO_ID", repo);
    }
    env.put("DSTACK_NODE_RANK", Integer.toString(task.jobNum()));
    env.put("DSTACK_NODES_NUM", "1");
    env.put("DSTACK_NODES_IPS", "127.0.0.1");
    env.put("DSTACK_MASTER_NODE_IP", "127.0.0.1");
    return env;
  }
}
