package dev.dstack.model.agent;

import dev.dstack.model.ids.JobId;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A task to run on a host, {@code POST /v1/tasks}. Repeating it with the same id is harmless: the
 * first one counts.
 *
 * @param command argv; the first element is looked up on the PATH of {@code env}. Empty, with a
 *     container only: the image's entrypoint and command
 * @param env complete environment beyond the few variables the agent sets itself; holds secrets
 * @param workingDir absolute, or relative to the task's own directory; absent: the task's own
 *     directory
 * @param user absent: the user the agent runs as
 * @param maxDurationSeconds absent: no limit
 * @param stopGraceSeconds between TERM and KILL
 * @param logQuotaBytesPerHour 0: none
 * @param container absent: a process of the host
 * @param access absent: nobody can log in
 * @param volumes what is attached to the host for this task
 * @param nodes absent: it works alone
 */
public record TaskRequest(
    JobId id,
    String name,
    List<String> command,
    Map<String, String> env,
    @Nullable String workingDir,
    @Nullable String user,
    List<FileMount> files,
    @Nullable Long maxDurationSeconds,
    long stopGraceSeconds,
    long logQuotaBytesPerHour,
    @Nullable ContainerRequest container,
    @Nullable RepoRequest repo,
    @Nullable AccessRequest access,
    List<VolumeRequest> volumes,
    @Nullable NodesRequest nodes) {
  public TaskRequest {
    command = List.copyOf(command);
    env = Map.copyOf(env);
    files = List.copyOf(files);
    // Older servers send none.
    volumes = volumes == null ? List.of() : List.copyOf(volumes);
  }

  /** The same with another environment. */
  public TaskRequest withEnv(Map<String, String> newEnv) {
    return new TaskRequest(
        id,
        name,
        command,
        newEnv,
        workingDir,
        user,
        files,
        maxDurationSeconds,
        stopGraceSeconds,
        logQuotaBytesPerHour,
        container,
        repo,
        access,
        volumes,
        nodes);
  }

  /** One that works alone. */
  public TaskRequest(
      JobId id,
      String name,
      List<String> command,
      Map<String, String> env,
      @Nullable String workingDir,
      @Nullable String user,
      List<FileMount> files,
      @Nullable Long maxDurationSeconds,
      long stopGraceSeconds,
      long logQuotaBytesPerHour,
      @Nullable ContainerRequest container,
      @Nullable RepoRequest repo,
      @Nullable AccessRequest access,
      List<VolumeRequest> volumes) {
    this(
        id,
        name,
        command,
        env,
        workingDir,
        user,
        files,
        maxDurationSeconds,
        stopGraceSeconds,
        logQuotaBytesPerHour,
        container,
        repo,
        access,
        volumes,
        null);
  }

  /** Without volumes. */
  public TaskRequest(
      JobId id,
      String name,
      List<String> command,
      Map<String, String> env,
      @Nullable String workingDir,
      @Nullable String user,
      List<FileMount> files,
      @Nullable Long maxDurationSeconds,
      long stopGraceSeconds,
      long logQuotaBytesPerHour,
      @Nullable ContainerRequest container,
      @Nullable RepoRequest repo,
      @Nullable AccessRequest access) {
    this(
        id,
        name,
        command,
        env,
        workingDir,
        user,
        files,
        maxDurationSeconds,
        stopGraceSeconds,
        logQuotaBytesPerHour,
        container,
        repo,
        access,
        List.of());
  }

  /** A process of the host, without a repository, to which nobody can log in. */
  public TaskRequest(
      JobId id,
      String name,
      List<String> command,
      Map<String, String> env,
      @Nullable String workingDir,
      @Nullable String user,
      List<FileMount> files,
      @Nullable Long maxDurationSeconds,
      long stopGraceSeconds,
      long logQuotaBytesPerHour) {
    this(
        id,
        name,
        command,
        env,
        workingDir,
        user,
        files,
        maxDurationSeconds,
        stopGraceSeconds,
        logQuotaBytesPerHour,
        null,
        null,
        null);
  }

  /**
   * A tar archive to unpack before the start; the archive was put under its hash by {@code PUT
   * /v1/archives/{hash}}.
   *
   * @param hash lower-case hex SHA-256 of the archive
   * @param path absolute, below {@code ~}, or relative to the working directory. The archive's one
   *     file or directory gets this name; with a slash at the end, or when the archive holds
   *     several, it is the directory that they are unpacked into.
   */
  public record FileMount(String hash, String path) {}

  /** Names only: values may be secrets. */
  @Override
  public String toString() {
    return "TaskRequest[" + id + " " + name + ", env=" + env.keySet() + "]";
  }
}
