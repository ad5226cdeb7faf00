package dev.dstack.agent.repo;

import static dev.dstack.agent.repo.GitServers.git;
import static dev.dstack.agent.repo.GitServers.run;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.dstack.model.agent.RepoRequest;
import dev.dstack.model.agent.RepoRequest.Author;
import dev.dstack.model.agent.RepoRequest.Credentials;
import dev.dstack.model.agent.RepoRequest.IfExists;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Repositories that the real git has made and serves; what comes out is read by the real git. */
final class RepoCheckoutTest {
  @TempDir Path dir;
  private Path origin;
  private Path place;
  private String first;
  private String second;

  @BeforeEach
  void makeOrigin() throws Exception {
    origin = dir.resolve("served/origin.git");
    place = dir.resolve("job/repo");
    Path work = dir.resolve("work");
    Files.createDirectories(work);
    git(work, "init", "-q", "-b", "main");
    Files.writeString(work.resolve("a.txt"), "one\ntwo\nthree\n");
    Files.writeString(work.resolve("gone.txt"), "to be removed\n");
    Files.writeString(work.resolve("moved.txt"), "line\n".repeat(50));
    Files.writeString(work.resolve("tail.txt"), "no newline at the end");
    Files.writeString(work.resolve("dos.txt"), "a\r\nb\r\n");
    Files.writeString(work.resolve("run.sh"), "#!/bin/sh\n");
    Files.write(work.resolve("data.bin"), bytes(1, 5000));
    Files.createDirectories(work.resolve("sub dir"));
    Files.writeString(work.resolve("sub dir/grün.txt"), "grün\n");
    Files.createSymbolicLink(work.resolve("link"), Path.of("a.txt"));
    Files.createSymbolicLink(work.resolve("link3"), Path.of("run.sh"));
    git(work, "add", "-A");
    git(work, "commit", "-q", "-m", "first");
    first = git(work, "rev-parse", "HEAD").strip();
    Files.writeString(work.resolve("b.txt"), "second\n");
    git(work, "add", "-A");
    git(work, "commit", "-q", "-m", "second");
    second = git(work, "rev-parse", "HEAD").strip();
    git(work, "checkout", "-q", "-b", "feature", first);
    Files.writeString(work.resolve("f.txt"), "feature\n");
    git(work, "add", "-A");
    git(work, "commit", "-q", "-m", "feature");
    git(work, "checkout", "-q", "main");
    Files.createDirectories(origin.getParent());
    git(dir, "clone", "-q", "--bare", work.toString(), origin.toString());
  }

  private static byte[] bytes(long seed, int length) {
    byte[] bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  private RepoRequest request(
      String url,
      @Nullable String branch,
      @Nullable String commit,
      @Nullable Credentials credentials) {
    return new RepoRequest(
        url,
        branch,
        commit,
        null,
        ".",
        IfExists.ERROR,
        true,
        credentials,
        new Author("Ada", "ada@example.org"));
  }

  private RepoCheckout.Outcome checkOut(RepoRequest request, @Nullable Path archive)
      throws RepoException {
    return RepoCheckout.run(request, archive, place);
  }

  private String url() {
    return origin.toUri().toString();
  }

  @Test
  void theTipOfABranchIsOnThatBranch() throws Exception {
    assertThat(checkOut(request(url(), "main", second, null), null))
        .isEqualTo(RepoCheckout.Outcome.DONE);

    assertThat(git(place, "rev-parse", "HEAD").strip()).isEqualTo(second);
    assertThat(git(place, "status", "--porcelain", "--branch").strip())
        .isEqualTo("## main...origin/main");
    assertThat(git(place, "config", "user.name").strip()).isEqualTo("Ada");
    assertThat(git(place, "config", "user.email").strip()).isEqualTo("ada@example.org");
    assertThat(git(place, "branch", "-r")).doesNotContain("feature");
    git(place, "fsck", "--strict");
  }

  @Test
  void withoutABranchItIsTheDefaultOne() throws Exception {
    git(origin, "symbolic-ref", "HEAD", "refs/heads/feature");
    checkOut(request(url(), null, null, null), null);
    assertThat(git(place, "status", "--porcelain", "--branch").strip())
        .isEqualTo("## feature...origin/feature");
    assertThat(place.resolve("f.txt")).exists();
    assertThat(git(place, "branch", "-r")).doesNotContain("origin/main");
  }

  @Test
  void anEarlierCommitIsCheckedOutDetached() throws Exception {
    checkOut(request(url(), "main", first, null), null);
    assertThat(git(place, "rev-parse", "HEAD").strip()).isEqualTo(first);
    assertThat(git(place, "status", "--porcelain", "--branch").strip())
        .isEqualTo("## HEAD (no branch)");
    assertThat(place.resolve("b.txt")).doesNotExist();
  }

  @Test
  void allBranchesComeWhenAsked() throws Exception {
    RepoRequest all =
        new RepoRequest(url(), "main", null, null, ".", IfExists.ERROR, false, null, null);
    checkOut(all, null);
    assertThat(git(place, "branch", "-r")).contains("origin/feature", "origin/main");
  }

  /** Every kind of change, made by git and read back byte for byte, with modes and links. */
  @Test
  void changesThatWereNotPushedAreThere() throws Exception {
    Path work = dir.resolve("work");
    Files.writeString(work.resolve("a.txt"), "one\n2\nthree\nfour\n");
    Files.delete(work.resolve("gone.txt"));
    Files.createDirectories(work.resolve("deep/er"));
    Files.move(work.resolve("moved.txt"), work.resolve("deep/er/moved.txt"));
    Files.writeString(work.resolve("deep/er/moved.txt"), "line\n".repeat(49) + "last\n");
    Files.writeString(work.resolve("tail.txt"), "still none");
    Files.writeString(work.resolve("dos.txt"), "a\r\nc\r\nd\r\n");
    Files.setPosixFilePermissions(
        work.resolve("run.sh"),
        java.nio.file.attribute.PosixFilePermissions.fromString("rwxr-xr-x"));
    byte[] data = bytes(1, 5000);
    data[2500] ^= 1;
    Files.write(work.resolve("data.bin"), data);
    Files.write(work.resolve("new.bin"), bytes(2, 300_000));
    Files.writeString(work.resolve("new with spaces.txt"), "neu\n");
    Files.writeString(work.resolve("größe.txt"), "größe\n");
    Files.createFile(work.resolve("empty.txt"));
    Files.delete(work.resolve("link"));
    Files.createSymbolicLink(work.resolve("link"), Path.of("b.txt"));
    Files.createSymbolicLink(work.resolve("link2"), Path.of("sub dir/grün.txt"));
    Files.move(work.resolve("link3"), work.resolve("link4"));
    git(work, "add", "-A", "-N");
    Path diff = dir.resolve("diff");
    Files.writeString(diff, "");
    run(work, List.of("sh", "-c", "git diff --binary -M HEAD > " + diff));
    assertThat(Files.readString(diff, java.nio.charset.StandardCharsets.ISO_8859_1))
        .contains("rename from", "GIT binary patch", "deleted file", "new mode 100755");

    checkOut(withArchive(request(url(), "main", second, null)), diff);

    assertThat(tree(place)).isEqualTo(tree(work));
    assertThat(git(place, "diff", "--cached", "--stat")).isEmpty();
  }

  private static RepoRequest withArchive(RepoRequest request) {
    return new RepoRequest(
        request.url(),
        request.branch(),
        request.commit(),
        "0".repeat(64),
        request.path(),
        request.ifExists(),
        request.singleBranch(),
        request.credentials(),
        request.author());
  }

  private static Map<String, String> tree(Path top) throws IOException {
    Map<String, String> tree = new TreeMap<>();
    try (Stream<Path> files = Files.walk(top)) {
      for (Path file : files.toList()) {
        String name = top.relativize(file).toString();
        if (name.equals(".git")
            || name.startsWith(".git/")
            || Files.isDirectory(file, LinkOption.NOFOLLOW_LINKS)) {
          continue;
        }
        if (Files.isSymbolicLink(file)) {
          tree.put(name, "-> " + Files.readSymbolicLink(file));
        } else {
          boolean executable =
              Files.getPosixFilePermissions(file).contains(PosixFilePermission.OWNER_EXECUTE);
          tree.put(
              name,
              (executable ? "x " : "- ")
                  + new String(
                      Files.readAllBytes(file), java.nio.charset.StandardCharsets.ISO_8859_1));
        }
      }
    }
    return tree;
  }

  @Test
  void changesThatDoNotFitAreRefusedAndLeaveNothing() throws Exception {
    Path diff = dir.resolve("diff");
    Files.writeString(
        diff,
        """
        diff --git a/a.txt b/a.txt
        --- a/a.txt
        +++ b/a.txt
        @@ -1,3 +1,3 @@
         eins
        -zwei
        +2
         drei
        """);
    assertThatThrownBy(() -> checkOut(withArchive(request(url(), "main", null, null)), diff))
        .isInstanceOf(RepoException.class)
        .hasMessageContaining("do not fit")
        .hasMessageContaining("a.txt");
    assertThat(place).doesNotExist();

    Files.writeString(diff, "");
    checkOut(withArchive(request(url(), "main", null, null)), diff);
    assertThat(place.resolve("a.txt")).exists();
  }

  @Test
  void aTokenOpensAndIsWrittenNowhere() throws Exception {
    try (GitServers.Http http = new GitServers.Http(origin.getParent(), "s3cret-token")) {
      String url = http.url("origin.git");
      checkOut(request(url, "main", second, new Credentials("s3cret-token", null)), null);
      assertThat(git(place, "config", "remote.origin.url").strip()).isEqualTo(url);
      assertThat(run(place, List.of("sh", "-c", "grep -r s3cret . || true"))).isEmpty();

      place = dir.resolve("wrong");
      assertThatThrownBy(
              () -> checkOut(request(url, "main", null, new Credentials("other", null)), null))
          .isInstanceOf(RepoException.class)
          .hasMessageContaining("refuses the credentials")
          .hasMessageNotContaining("other-");
      assertThatThrownBy(() -> checkOut(request(url, "main", null, null), null))
          .isInstanceOf(RepoException.class)
          .hasMessageContaining("wants credentials");
      assertThat(place).doesNotExist();
    }
  }

  @Test
  void aPublicRepositoryNeedsNoCredentials() throws Exception {
    try (GitServers.Http http = new GitServers.Http(origin.getParent(), "")) {
      checkOut(request(http.url("origin.git"), "feature", null, null), null);
      assertThat(place.resolve("f.txt")).exists();
      place = dir.resolve("other");
      assertThatThrownBy(() -> checkOut(request(http.url("none.git"), "main", null, null), null))
          .isInstanceOf(RepoException.class)
          .hasMessageContaining("there is no repository")
          .hasMessageContaining("dstack init");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"ed25519", "rsa", "ecdsa"})
  void aPrivateKeyOpens(String type) throws Exception {
    Path key = dir.resolve("key");
    run(dir, List.of("ssh-keygen", "-q", "-t", type, "-N", "", "-f", key.toString()));
    Path other = dir.resolve("other");
    run(dir, List.of("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other.toString()));
    try (GitServers.Ssh ssh =
        new GitServers.Ssh(dir.resolve("sshd"), Files.readString(dir.resolve("key.pub")))) {
      String url = ssh.url(origin);
      checkOut(request(url, "main", second, new Credentials(null, Files.readString(key))), null);
      assertThat(git(place, "rev-parse", "HEAD").strip()).isEqualTo(second);

      place = dir.resolve("refused");
      assertThatThrownBy(
              () ->
                  checkOut(
                      request(url, "main", null, new Credentials(null, Files.readString(other))),
                      null))
          .isInstanceOf(RepoException.class)
          .hasMessageContaining("refuses the credentials");
      assertThatThrownBy(
              () -> checkOut(request(url, "main", null, new Credentials(null, "no key")), null))
          .isInstanceOf(RepoException.class)
          .hasMessageContaining("private key");
    }
  }

  @Test
  void whatIsMissingIsSaid() throws Exception {
    assertThatThrownBy(() -> checkOut(request(url(), "nope", null, null), null))
        .isInstanceOf(RepoException.class)
        .hasMessageContaining("branch");
    assertThatThrownBy(() -> checkOut(request(url(), "main", "1".repeat(40), null), null))
        .isInstanceOf(RepoException.class)
        .hasMessageContaining("1111")
        .hasMessageContaining("push it");
    int closed;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      closed = socket.getLocalPort();
    }
    assertThatThrownBy(
            () ->
                checkOut(
                    request("http://127.0.0.1:" + closed + "/x.git", "main", null, null), null))
        .isInstanceOf(RepoException.class)
        .hasMessageContaining("can't be reached");
    assertThatThrownBy(
            () -> checkOut(request("https://no.such.host.invalid/x.git", "main", null, null), null))
        .isInstanceOf(RepoException.class)
        .hasMessageContaining("no.such.host.invalid");
    assertThat(place).doesNotExist();
  }

  @Test
  void whatIsThereAlreadyStays() throws Exception {
    Files.createDirectories(place);
    Files.writeString(place.resolve("mine"), "x");
    assertThatThrownBy(() -> checkOut(request(url(), "main", null, null), null))
        .isInstanceOf(RepoException.class)
        .hasMessageContaining("is not empty")
        .hasMessageContaining("if_exists");
    RepoRequest skip =
        new RepoRequest(url(), "main", null, null, ".", IfExists.SKIP, true, null, null);
    assertThat(checkOut(skip, null)).isEqualTo(RepoCheckout.Outcome.SKIPPED);
    assertThat(place).isDirectoryNotContaining("glob:**.git");
    assertThat(place.resolve("mine")).hasContent("x");
  }

  @Test
  void aFreshVolumeCountsAsEmpty() throws Exception {
    Files.createDirectories(place.resolve("lost+found"));
    checkOut(request(url(), "main", second, null), null);
    assertThat(place.resolve("a.txt")).exists();
    assertThat(git(place, "rev-parse", "HEAD").strip()).isEqualTo(second);
    try (Stream<Path> entries = Files.list(place)) {
      assertThat(entries.map(entry -> entry.getFileName().toString()))
          .contains("lost+found")
          .doesNotContain(".git-clone-tmp");
    }
  }

  @Test
  void repositoriesInRepositoriesCome() throws Exception {
    Path outer = dir.resolve("outer");
    Files.createDirectories(outer);
    git(outer, "init", "-q", "-b", "main");
    try (GitServers.Http http = new GitServers.Http(dir.resolve("served"), "")) {
      git(outer, "submodule", "--quiet", "add", http.url("origin.git"), "in/ner");
      git(outer, "commit", "-q", "-m", "outer");
      git(dir, "clone", "-q", "--bare", outer.toString(), dir + "/served/outer.git");
      checkOut(request(http.url("outer.git"), "main", null, null), null);
      assertThat(place.resolve("in/ner/a.txt")).hasContent("one\ntwo\nthree\n");
      assertThat(git(place, "submodule", "status")).startsWith(" " + second);
    }
  }

  @Test
  void aLocalDirectoryComesAsItIs() throws Exception {
    Path tar = dir.resolve("local.tar");
    run(dir.resolve("work"), List.of("tar", "-cf", tar.toString(), "--exclude=.git", "."));
    RepoRequest local =
        new RepoRequest(null, null, null, "0".repeat(64), "~/x", IfExists.ERROR, true, null, null);
    assertThat(RepoCheckout.place(local, Path.of("/w"), "/home/me")).hasToString("/home/me/x");
    checkOut(local, tar);
    Map<String, String> wanted = tree(dir.resolve("work"));
    assertThat(tree(place)).isEqualTo(wanted);
  }

  @Test
  void aProcessOfItsOwnDoesTheSame() throws Exception {
    CheckoutSpec spec =
        new CheckoutSpec(request(url(), "main", second, null), null, place.toString());
    assertThat(RepoProcess.run(RepoProcess.thisJava(), spec)).isEqualTo(RepoCheckout.Outcome.DONE);
    assertThat(git(place, "status", "--porcelain")).isEmpty();
    assertThatThrownBy(() -> RepoProcess.run(RepoProcess.thisJava(), spec))
        .isInstanceOf(RepoException.class)
        .hasMessageContaining("is not empty");
  }
}
