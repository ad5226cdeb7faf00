package dev.dstack.activities.agent;

import dev.dstack.activities.agent.TaskRequests.Upload;
import dev.dstack.db.records.RepoStore;
import dev.dstack.db.records.RunRecord;
import dev.dstack.model.agent.RepoRequest;
import dev.dstack.model.agent.RepoRequest.Author;
import dev.dstack.model.agent.RepoRequest.Credentials;
import dev.dstack.model.agent.RepoRequest.IfExists;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.wire.configuration.RepoExistsAction;
import dev.dstack.model.wire.configuration.RepoSpec;
import dev.dstack.model.wire.repo.LocalRunRepoData;
import dev.dstack.model.wire.repo.RemoteRepoCreds;
import dev.dstack.model.wire.repo.RemoteRunRepoData;
import dev.dstack.model.wire.repo.VirtualRunRepoData;
import dev.dstack.model.wire.run.JobSpec;
import dev.dstack.model.wire.run.RunSpec;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The repository of a run as its host is to find it, with the credentials of the run's user. */
record Repos(RepoStore store) {
  /** What upstream's older clients leave out; on a host it would be a directory of its root. */
  private static final String OLDER_CLIENTS_DIR = "/workflow";

  /**
   * @param upload the diff over a commit, or all of a local repository
   */
  record Found(RepoRequest request, @Nullable Upload upload) {}

  /** Absent: the run has no repository. */
  @Nullable Found of(RunRecord run, RunSpec spec, JobSpec job, boolean container) {
    Upload upload = upload(run, spec);
    return switch (spec.repoData()) {
      case null -> null;
      case VirtualRunRepoData _ -> null;
      case LocalRunRepoData _ ->
          new Found(request(null, null, null, upload, spec, job, container, null, null), upload);
      case RemoteRunRepoData remote -> {
        RemoteRepoCreds stored =
            store
                .credentials(run.projectId(), String.valueOf(spec.repoId()), run.userId())
                .orElse(null);
        yield new Found(
            request(
                url(stored, spec, remote),
                remote.repoBranch(),
                remote.repoHash(),
                upload,
                spec,
                job,
                container,
                credentials(stored),
                author(remote)),
            upload);
      }
    };
  }

  private static RepoRequest request(
      @Nullable String url,
      @Nullable String branch,
      @Nullable String commit,
      @Nullable Upload upload,
      RunSpec spec,
      JobSpec job,
      boolean container,
      @Nullable Credentials credentials,
      @Nullable Author author) {
    boolean unwanted =
        !container
            && spec.configuration().base().repos().isEmpty()
            && job.repoDir().equals(OLDER_CLIENTS_DIR);
    return new RepoRequest(
        url,
        branch,
        commit,
        upload == null ? null : upload.hash(),
        unwanted ? "." : job.repoDir(),
        job.repoExistsAction() == RepoExistsAction.ERROR ? IfExists.ERROR : IfExists.SKIP,
        job.singleBranch() != null && job.singleBranch(),
        credentials,
        author);
  }

  private static String url(
      @Nullable RemoteRepoCreds stored, RunSpec spec, RemoteRunRepoData remote) {
    if (stored != null) {
      return stored.cloneUrl();
    }
    List<RepoSpec> repos = spec.configuration().base().repos();
    String url = repos.isEmpty() ? null : repos.getFirst().url();
    if (url == null) {
      throw new DstackException(
          ErrorKind.INVALID_SPEC,
          "Nobody has told where to clone the repo "
              + remote.repoName()
              + " from; apply again with a client that inits the repo.");
    }
    return url;
  }

  private static @Nullable Credentials credentials(@Nullable RemoteRepoCreds stored) {
    return stored == null || (stored.oauthToken() == null && stored.privateKey() == null)
        ? null
        : new Credentials(stored.oauthToken(), stored.privateKey());
  }

  private static @Nullable Author author(RemoteRunRepoData remote) {
    String name = remote.repoConfigName();
    String email = remote.repoConfigEmail();
    return name == null || email == null ? null : new Author(name, email);
  }

  /** An empty diff is none. */
  private @Nullable Upload upload(RunRecord run, RunSpec spec) {
    String hash = spec.repoCodeHash();
    String repo = spec.repoId();
    if (hash == null || repo == null) {
      return null;
    }
    byte[] blob =
        store
            .code(run.projectId(), repo, hash)
            .orElseThrow(
                () ->
                    new DstackException(
                        ErrorKind.FILE_NOT_FOUND,
                        "The changes of the repo are not on the server any more; apply again."));
    return blob.length == 0 ? null : new Upload(hash, "the changes of the repo", () -> blob);
  }
}
