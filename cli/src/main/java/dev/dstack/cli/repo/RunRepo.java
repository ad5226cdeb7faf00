package dev.dstack.cli.repo;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.Session;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.files.Archive;
import dev.dstack.cli.http.ApiException;
import dev.dstack.cli.term.StatusLine;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The repo of a run, known to the server; what is not pushed of it is uploaded when the run is
 * wanted.
 *
 * @param data the {@code repo_data} of the run
 * @param code what is not pushed
 */
public record RunRepo(String id, Map<String, @Nullable Object> data, @Nullable Archive code)
    implements AutoCloseable {
  private static final long WORTH_A_WORD = 1 << 20;

  /**
   * What was asked for.
   *
   * @param place a URL or a directory
   */
  public record Request(
      String place,
      boolean isUrl,
      @Nullable String branch,
      @Nullable String hash,
      @Nullable Path identity,
      @Nullable String token) {}

  /** No repo at all. */
  public static RunRepo none(Session session) {
    Map<String, @Nullable Object> data = new LinkedHashMap<>();
    data.put("repo_type", "virtual");
    init(session, "none", data, null);
    return new RunRepo("none", data, null);
  }

  /** Collects, finds what opens the repo, and tells the server where that is news to it. */
  public static RunRepo of(Request request, Session session, Cli cli) {
    if (request.isUrl()) {
      GitRepo repo = GitRepo.parse(request.place());
      Map<String, @Nullable Object> data = new LinkedHashMap<>();
      data.put("repo_type", "remote");
      data.put("repo_name", repo.name());
      data.put("repo_branch", request.branch());
      data.put("repo_hash", request.hash());
      register(repo, request, session, cli);
      return new RunRepo(repo.id(), data, null);
    }
    Checkout checkout = Checkout.of(Path.of(request.place()), cli);
    Map<String, @Nullable Object> data = checkout.data();
    String remote = checkout.remote();
    if (remote == null) {
      init(session, checkout.id(), data, null);
    } else {
      if (request.branch() != null || request.hash() != null) {
        throw CliException.failure(
            "A branch or a hash can't be chosen for the working tree "
                + checkout.directory()
                + ": check it out, or name the repo by its URL "
                + remote
                + ".");
      }
      register(GitRepo.parse(remote), request, session, cli);
    }
    return new RunRepo(checkout.id(), data, checkout.code());
  }

  /** {@code dstack init}. */
  public static void init(Request request, Session session, Cli cli) {
    String url =
        request.isUrl() ? request.place() : Checkout.of(Path.of(request.place()), cli).remote();
    if (url == null) {
      throw CliException.failure(
          "The branch of " + request.place() + " has no remote, so there is nothing to register.");
    }
    GitRepo repo = GitRepo.parse(url);
    init(session, repo.id(), info(repo), found(repo, request, null, null, cli));
  }

  /** What the server has need not be sent again; new credentials are. */
  private static void register(GitRepo repo, Request request, Session session, Cli cli) {
    Map<String, @Nullable Object> get = new LinkedHashMap<>();
    get.put("repo_id", repo.id());
    get.put("include_creds", true);
    Doc known = Doc.NULL;
    try {
      known = session.post("/repos/get", get).get("repo_creds");
    } catch (ApiException e) {
      if (!e.isNotFound()) {
        throw e;
      }
    }
    boolean given = request.identity() != null || request.token() != null;
    Map<String, @Nullable Object> credentials =
        found(
            repo,
            request,
            given ? null : known.get("private_key").text(),
            given ? null : known.get("oauth_token").text(),
            cli);
    if (given || known.isNull()) {
      init(session, repo.id(), info(repo), credentials);
    }
  }

  private static Map<String, @Nullable Object> found(
      GitRepo repo, Request request, @Nullable String key, @Nullable String token, Cli cli) {
    try (StatusLine status = new StatusLine(cli.terminal())) {
      if (cli.terminal().interactiveOutput()) {
        status.show("Looking for " + repo.name());
      }
      String asked = request.token();
      return new RepoCredentials(repo, cli)
          .find(request.identity(), key, asked == null ? token : asked);
    }
  }

  private static Map<String, @Nullable Object> info(GitRepo repo) {
    Map<String, @Nullable Object> info = new LinkedHashMap<>();
    info.put("repo_type", "remote");
    info.put("repo_name", repo.name());
    return info;
  }

  private static void init(
      Session session,
      String id,
      Map<String, @Nullable Object> info,
      @Nullable Map<String, @Nullable Object> credentials) {
    Map<String, @Nullable Object> body = new LinkedHashMap<>();
    body.put("repo_id", id);
    body.put("repo_info", info);
    body.put("repo_creds", credentials);
    session.post("/repos/init", body);
  }

  public @Nullable String codeHash() {
    return code == null ? null : code.hash();
  }

  public void upload(Session session, Cli cli) {
    if (code == null) {
      return;
    }
    try (StatusLine status = new StatusLine(cli.terminal())) {
      long size = code.size();
      if (size > WORTH_A_WORD) {
        status.show("Uploading changes of the repo (" + (size >> 20) + " MB)");
      }
      session
          .api()
          .upload(
              session.path("/repos/upload_code")
                  + "?repo_id="
                  + java.net.URLEncoder.encode(id, java.nio.charset.StandardCharsets.UTF_8),
              code.hash(),
              code.file());
    } catch (IOException e) {
      throw CliException.failure("The changes of the repo are gone: " + e.getMessage(), e);
    }
  }

  @Override
  public void close() {
    try {
      if (code != null) {
        code.close();
      }
    } catch (IOException e) {
      // The file is a temporary one.
    }
  }
}
