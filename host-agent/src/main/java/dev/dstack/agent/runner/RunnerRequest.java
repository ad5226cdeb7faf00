package dev.dstack.agent.runner;

import dev.dstack.model.agent.AccessRequest;
import dev.dstack.model.agent.NodesRequest;
import dev.dstack.model.agent.RepoRequest;
import dev.dstack.model.ids.JobId;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the runner of a container is to do: {@link IoFiles#REQUEST}, mode 0600, owned by the
 * container's user. Paths are those of the container.
 *
 * @param command argv of the user's command; for a task without one the image's entrypoint and
 *     command, which the agent looks up
 * @param env over the image's own environment, which the runner inherits; holds secrets
 * @param imageEnv values that the image gives to {@code RuntimeLayout.EMPTIED_ENV}; the command
 *     gets them back
 * @param workingDir absolute, below {@code ~}, or relative to the image's working directory;
 *     absent: that directory
 * @param repo absent: none
 * @param access absent: nobody can log in
 * @param sshPort where the SSH server listens; 0: none is started
 * @param sshLoopbackOnly for a container on the host's network that works alone
 * @param nodes absent: it works alone
 */
public record RunnerRequest(
    JobId id,
    List<String> command,
    Map<String, String> env,
    Map<String, String> imageEnv,
    @Nullable String workingDir,
    List<FileArchive> files,
    @Nullable Repo repo,
    @Nullable AccessRequest access,
    int sshPort,
    boolean sshLoopbackOnly,
    @Nullable NodesRequest nodes) {
  public RunnerRequest {
    command = List.copyOf(command);
    env = Map.copyOf(env);
    imageEnv = Map.copyOf(imageEnv);
    files = List.copyOf(files);
  }

  /** For a container that works alone. */
  public RunnerRequest(
      JobId id,
      List<String> command,
      Map<String, String> env,
      Map<String, String> imageEnv,
      @Nullable String workingDir,
      List<FileArchive> files,
      @Nullable Repo repo,
      @Nullable AccessRequest access,
      int sshPort,
      boolean sshLoopbackOnly) {
    this(
        id,
        command,
        env,
        imageEnv,
        workingDir,
        files,
        repo,
        access,
        sshPort,
        sshLoopbackOnly,
        null);
  }

  /**
   * @param archive path of the tar, such as {@code /.dstack/archives/HASH}
   * @param path as in {@code TaskRequest.FileMount}
   */
  public record FileArchive(String archive, String path) {}

  /**
   * @param archive path of what {@code request.archive()} names by its hash; absent: no changes
   */
  public record Repo(RepoRequest request, @Nullable String archive) {}

  /** Names only: values may be secrets. */
  @Override
  public String toString() {
    return "RunnerRequest[" + id + ", env=" + env.keySet() + "]";
  }
}
