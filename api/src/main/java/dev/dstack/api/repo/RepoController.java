package dev.dstack.api.repo;

import dev.dstack.api.auth.ProjectAccess;
import dev.dstack.api.error.ApiException;
import dev.dstack.api.error.ErrorCode;
import dev.dstack.api.web.Body;
import dev.dstack.api.web.Check;
import dev.dstack.api.web.Now;
import dev.dstack.api.web.Uploads;
import dev.dstack.db.records.RepoStore;
import dev.dstack.model.wire.repo.DeleteReposRequest;
import dev.dstack.model.wire.repo.GetRepoRequest;
import dev.dstack.model.wire.repo.RemoteRepoCreds;
import dev.dstack.model.wire.repo.RemoteRepoInfo;
import dev.dstack.model.wire.repo.RepoHead;
import dev.dstack.model.wire.repo.RepoHeadWithCreds;
import dev.dstack.model.wire.repo.SaveRepoCredsRequest;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.multipart.MultipartFile;

@RestController
public final class RepoController {
  private static final int ID_MAX = 200;

  private final RepoStore repos;
  private final Uploads uploads;
  private final Now now;

  public RepoController(RepoStore repos, Uploads uploads, Now now) {
    this.repos = repos;
    this.uploads = uploads;
    this.now = now;
  }

  @PostMapping("/api/project/{project_name}/repos/list")
  public List<RepoHead> list(ProjectAccess access) {
    return repos.list(access.id());
  }

  /** Credentials are those of the caller only. */
  @PostMapping("/api/project/{project_name}/repos/get")
  public RepoHeadWithCreds get(@Body GetRepoRequest body, ProjectAccess access) {
    RepoHead repo =
        repos
            .get(access.id(), body.repoId())
            .orElseThrow(() -> ApiException.missing("Repo '" + body.repoId() + "' not found"));
    RemoteRepoCreds credentials =
        body.includeCreds() && repo.repoInfo() instanceof RemoteRepoInfo
            ? repos.credentials(access.id(), body.repoId(), access.caller().id()).orElse(null)
            : null;
    return new RepoHeadWithCreds(repo.repoId(), repo.repoInfo(), credentials);
  }

  @PostMapping("/api/project/{project_name}/repos/init")
  public void init(@Body SaveRepoCredsRequest body, ProjectAccess access) {
    if (body.repoId().isEmpty() || body.repoId().length() > ID_MAX) {
      throw ApiException.badRequest("A repo_id has 1 to " + ID_MAX + " characters");
    }
    repos.init(
        access.id(),
        body.repoId(),
        body.repoInfo(),
        access.caller().id(),
        body.repoInfo() instanceof RemoteRepoInfo ? body.repoCreds() : null,
        now.instant());
  }

  @PostMapping("/api/project/{project_name}/repos/delete")
  public void delete(@Body DeleteReposRequest body, ProjectAccess access) {
    Check.atMost("repos_ids", body.reposIds(), 1_000);
    repos.delete(access.id(), body.reposIds());
  }

  @PostMapping("/api/project/{project_name}/repos/upload_code")
  public void uploadCode(
      @RequestParam("repo_id") String repoId,
      @RequestParam(name = "file", required = false) @Nullable MultipartFile file,
      ProjectAccess access) {
    if (repoId.indexOf(0) >= 0) {
      throw noSuchRepo("that name");
    }
    Uploads.Upload upload =
        uploads.read(
            file, "The diff of the repo", "Exclude large files from the repo with .gitignore.");
    if (!repos.saveCode(access.id(), repoId, upload.hash(), upload.content(), now.instant())) {
      throw noSuchRepo("'" + repoId + "'");
    }
  }

  private static ApiException noSuchRepo(String which) {
    return ApiException.of(
        ErrorCode.REPO_DOES_NOT_EXIST,
        "There is no repo " + which + " in this project; init it first");
  }
}
