package dev.dstack.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.dstack.cli.data.Doc;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Repos of runs, with the real Git and a host that is only played. */
class RepoTest {
  private static final String PROJECT = "/api/project/main";

  @TempDir Path home;
  private Path repo;
  private FakeServer server;
  private FakeGit host;
  private CliHarness cli;

  @BeforeEach
  void start() throws Exception {
    assumeTrue(Files.isExecutable(Path.of("/usr/bin/git")), "Git is not installed");
    repo = Files.createDirectory(home.resolve("widgets"));
    server = new FakeServer();
    server.answers(PROJECT + "/runs/get_plan", Shapes.plan());
    server.on(PROJECT + "/runs/apply", body -> FakeServer.ok(Shapes.running()));
    server.on(PROJECT + "/repos/get", body -> FakeServer.error(400, "none", "resource_not_exists"));
    server.on(PROJECT + "/repos/upload_code", body -> FakeServer.ok(null));
    cli = new CliHarness(home).connectedTo(server);
    host = FakeGit.in(home, cli);
    git("init", "-q", "-b", "main");
    git("config", "user.name", "Ann");
    git("config", "user.email", "ann@example.org");
    Files.writeString(repo.resolve("a.txt"), "alpha\n");
    Files.writeString(repo.resolve("gone.txt"), "gone\n");
    Files.write(repo.resolve("image"), new byte[] {0, 1, 2, (byte) 0xff, 10, 0});
    Files.writeString(repo.resolve(".gitignore"), "*.log\n");
    git("add", ".");
    git("commit", "-q", "-m", "first");
    Files.writeString(
        home.resolve(".dstack.yml"), "type: task\ncommands: [x]\nrepos:\n- widgets:/code\n");
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private String git(String... words) throws Exception {
    return git(repo, words);
  }

  private static String git(Path where, String... words) throws Exception {
    List<String> command = new ArrayList<>(List.of("/usr/bin/git"));
    command.addAll(List.of(words));
    Process git =
        new ProcessBuilder(command).directory(where.toFile()).redirectErrorStream(true).start();
    String said = new String(git.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(git.waitFor()).as(said).isZero();
    return said.strip();
  }

  /** As if the branch had been pushed as it is now. */
  private String pushed() throws Exception {
    git("remote", "add", "origin", "https://github.com/acme/widgets.git");
    git("update-ref", "refs/remotes/origin/trunk", "HEAD");
    git("config", "branch.main.remote", "origin");
    git("config", "branch.main.merge", "refs/heads/trunk");
    return git("rev-parse", "HEAD");
  }

  private Doc spec() {
    return server.calls(PROJECT + "/runs/get_plan").getLast().body().get("run_spec");
  }

  @Test
  void whatIsNotPushedComesAsADiff() throws Exception {
    String commit = pushed();
    host.opensTo("https://github.com/acme/widgets.git");
    Files.writeString(repo.resolve("a.txt"), "alpha\nbeta\n");
    Files.delete(repo.resolve("gone.txt"));
    Files.write(repo.resolve("image"), new byte[] {9, 0, 8, (byte) 0xfe});
    Files.createDirectory(repo.resolve("sub"));
    Files.writeString(repo.resolve("sub/naïve name.txt"), "new, without an end");
    Files.write(repo.resolve("sub/blob"), new byte[] {0, (byte) 0x80, 0});
    Files.writeString(repo.resolve("noise.log"), "ignored");
    git("config", "diff.noprefix", "true"); // somebody's taste must not matter
    git("config", "color.ui", "always");

    assertThat(cli.run("apply", "-y", "-d")).as(cli.errors()).isZero();

    Doc data = spec().get("repo_data");
    assertThat(spec().get("repo_id").text()).isEqualTo("widgets-gmj74eg4");
    assertThat(spec().get("repo_dir").text()).isEqualTo("/code");
    assertThat(data.get("repo_type").text()).isEqualTo("remote");
    assertThat(data.get("repo_name").text()).isEqualTo("widgets");
    assertThat(data.get("repo_branch").text()).isEqualTo("trunk");
    assertThat(data.get("repo_hash").text()).isEqualTo(commit);
    assertThat(data.get("repo_config_email").text()).isEqualTo("ann@example.org");
    Doc init = server.calls(PROJECT + "/repos/init").getLast().body();
    assertThat(init.at("repo_creds", "clone_url").text())
        .isEqualTo("https://github.com/acme/widgets.git");
    FakeServer.Call upload = server.calls(PROJECT + "/repos/upload_code").getFirst();
    assertThat(upload.query()).isEqualTo("repo_id=widgets-gmj74eg4");
    String form = upload.body().text("");
    assertThat(form).contains("filename=\"" + spec().get("repo_code_hash").text() + "\"");
    Path clone = home.resolve("clone");
    git(home, "clone", "-q", repo.toString(), clone.toString());
    Path diff = home.resolve("diff");
    int start = form.indexOf("\r\n\r\n") + 4;
    Files.write(
        diff,
        form.substring(start, form.lastIndexOf("\r\n--")).getBytes(StandardCharsets.ISO_8859_1));
    git(clone, "apply", "--binary", diff.toString());
    for (String file : List.of("a.txt", "image", "sub/naïve name.txt", "sub/blob")) {
      assertThat(clone.resolve(file)).hasSameBinaryContentAs(repo.resolve(file));
    }
    assertThat(clone.resolve("gone.txt")).doesNotExist();
    assertThat(clone.resolve("noise.log")).doesNotExist();
  }

  @Test
  void aCleanTreeNeedsNoUpload() throws Exception {
    pushed();
    host.opensTo("https://github.com/acme/widgets.git");

    assertThat(cli.run("apply", "-y", "-d", "-P", "widgets")).isZero();

    assertThat(spec().get("repo_code_hash").isNull()).isTrue();
    assertThat(server.calls(PROJECT + "/repos/upload_code")).isEmpty();
  }

  @Test
  void aRepoWithoutARemoteComesWhole() throws Exception {
    Files.writeString(repo.resolve("noise.log"), "ignored");

    assertThat(cli.run("apply", "-y", "-d")).as(cli.errors()).isZero();

    assertThat(spec().at("repo_data", "repo_type").text()).isEqualTo("local");
    assertThat(spec().get("repo_id").text()).startsWith("widgets-");
    String form = server.calls(PROJECT + "/repos/upload_code").getFirst().body().text("");
    assertThat(form).contains("a.txt", "ustar").doesNotContain("noise.log", "widgets/a.txt");
  }

  @Test
  void aUrlWithBranchAndHash() throws Exception {
    host.opensTo("https://git.example.org/team/tool");

    assertThat(
            cli.run(
                "apply",
                "-y",
                "-d",
                "-P",
                "https://git.example.org/team/tool",
                "--repo-branch",
                "dev",
                "--repo-hash",
                "abc"))
        .isZero();

    assertThat(spec().at("repo_data", "repo_branch").text()).isEqualTo("dev");
    assertThat(spec().at("repo_data", "repo_hash").text()).isEqualTo("abc");
    assertThat(server.calls(PROJECT + "/repos/upload_code")).isEmpty();
  }

  @Test
  void keysAndTokensAreTriedAndNeverShown() throws Exception {
    Path key = home.resolve("key");
    Files.writeString(key, "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n");
    host.opensTo("-i \"" + key + "\"");
    String url = "git@git.example.org:team/tool.git";

    assertThat(cli.run("apply", "-y", "-d", "-P", url, "--git-identity", "key")).isZero();
    Doc sent = server.calls(PROJECT + "/repos/init").getLast().body().get("repo_creds");
    assertThat(sent.get("clone_url").text()).isEqualTo("ssh://git@git.example.org/team/tool.git");
    assertThat(sent.get("private_key").text()).contains("OPENSSH PRIVATE KEY");

    host.opensTo("Authorization: Basic YW55dGhpbmc6dG9r"); // anything:tok
    assertThat(cli.run("apply", "-y", "-d", "-P", url, "-t", "tok")).isZero();
    sent = server.calls(PROJECT + "/repos/init").getLast().body().get("repo_creds");
    assertThat(sent.get("oauth_token").text()).isEqualTo("tok");
    assertThat(sent.get("clone_url").text()).isEqualTo("https://git.example.org/team/tool.git");

    host.opensTo("nothing opens this");
    assertThat(cli.run("apply", "-y", "-d", "-P", url, "-t", "wrong")).isEqualTo(ExitCode.FAILED);
    assertThat(cli.errors()).contains("does not open with the token").doesNotContain("wrong");
    assertThat(cli.run("apply", "-y", "-d", "-P", url)).isEqualTo(ExitCode.FAILED);
    assertThat(cli.errors()).contains("Nothing here opens the Git repo", "--token");
    assertThat(cli.output() + host.asked()).doesNotContain("tok ", "wrong");
  }

  @Test
  void whatTheServerRemembersIsUsedAgain() throws Exception {
    Map<String, Object> creds = new HashMap<>();
    creds.put("clone_url", "https://git.example.org/team/tool");
    creds.put("private_key", null);
    creds.put("oauth_token", "old");
    server.on(PROJECT + "/repos/get", body -> FakeServer.ok(Map.of("repo_creds", creds)));
    host.opensTo("Authorization: Basic YW55dGhpbmc6b2xk"); // anything:old

    assertThat(cli.run("apply", "-y", "-d", "-P", "https://git.example.org/team/tool")).isZero();

    assertThat(server.calls(PROJECT + "/repos/init")).isEmpty();
  }

  @Test
  void noRepoIsNoRepo() {
    assertThat(cli.run("apply", "-y", "-d", "--no-repo")).isZero();

    assertThat(spec().at("repo_data", "repo_type").text()).isEqualTo("virtual");
    assertThat(cli.run("apply", "-y", "-d", "--no-repo", "-P", "x")).isEqualTo(ExitCode.USAGE);
  }

  @Test
  void whatIsNoRepoIsSaid() throws Exception {
    Files.createDirectory(repo.resolve("inner"));

    assertThat(cli.run("apply", "-y", "-P", "absent")).isEqualTo(ExitCode.FAILED);
    assertThat(cli.errors()).contains("no directory " + home.resolve("absent"));
    assertThat(cli.run("apply", "-y", "-P", "bin")).isEqualTo(ExitCode.FAILED);
    assertThat(cli.errors()).contains("is no Git repo", "`files`");
    assertThat(cli.run("apply", "-y", "-P", "widgets/inner")).isEqualTo(ExitCode.FAILED);
    assertThat(cli.errors()).contains("is inside of the Git repo");
    git("checkout", "-q", "--detach");
    assertThat(cli.run("apply", "-y")).isEqualTo(ExitCode.FAILED);
    assertThat(cli.errors()).contains("on no branch");
    pushed();
    git("checkout", "-q", "main");
    assertThat(cli.run("apply", "-y", "--repo-branch", "other")).isEqualTo(ExitCode.FAILED);
    assertThat(cli.errors()).contains("can't be chosen for the working tree");
  }

  @Test
  void withoutGitThatIsSaid() throws IOException {
    cli.env.put("PATH", Files.createDirectory(home.resolve("empty")).toString());

    assertThat(cli.run("apply", "-y")).isEqualTo(ExitCode.FAILED);
    assertThat(cli.errors()).contains("Git is not installed");
  }
}
