package dev.dstack.agent.runner;

import static dev.dstack.agent.runner.RunnerContainer.request;
import static dev.dstack.agent.runner.RunnerContainer.shell;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.dstack.agent.runtime.RuntimeLayout;
import dev.dstack.model.agent.RepoRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The runner in images that have less and less. */
@Tag("docker")
@EnabledIfEnvironmentVariable(
    named = "DSTACK_TEST_DOCKER",
    matches = "1",
    disabledReason = "needs a Docker Engine")
final class RunnerImagesTest {
  private static final Duration DEADLINE = Duration.ofSeconds(60);

  @TempDir Path dir;

  @BeforeAll
  static void makeImages() throws Exception {
    TestImages.busybox();
    TestImages.distroless();
  }

  private RunnerContainer container() {
    return new RunnerContainer(dir.resolve("io"));
  }

  @Test
  void inAnImageWithAStaticShellOnly() throws Exception {
    try (RunnerContainer container = container()) {
      container.start(shell("echo hello; exit 3"), TestImages.BUSYBOX, "--init");
      assertThat(container.await()).isEqualTo(3);
      assertThat(container.text()).isEqualTo("hello\n");
      assertThat(container.marks())
          .contains("exit-3", "logged-0", "pid", "started", "where.json", "runner.log")
          .doesNotContain(IoFiles.REQUEST, IoFiles.ARMED, IoFiles.LOGGING, IoFiles.FAILURE);
      assertThat(container.mark(IoFiles.WHERE, IoFiles.Where.class))
          .isEqualTo(new IoFiles.Where("/", "root", 0));

      // The right to run the command is there once.
      Files.writeString(dir.resolve("io/request.json"), "{}");
      container.docker("start", container.name());
      container.await();
      assertThat(container.text()).isEqualTo("hello\n");
    }
  }

  @Test
  void inAnImageWithGlibcAndNoShell() throws Exception {
    try (RunnerContainer container = container()) {
      container.start(
          request(List.of("env"), Map.of("GREETING", "grüß dich\nhier")),
          TestImages.DISTROLESS,
          "--init",
          "-e",
          "FROM_IMAGE=yes");
      assertThat(container.await()).isZero();
      assertThat(container.text())
          .contains("GREETING=grüß dich\nhier\n", "FROM_IMAGE=yes\n", "HOME=/\n")
          .contains("DSTACK_WORKING_DIR=/\n", "USER=root\n")
          .doesNotContain("LD_", "JAVA_");
    }
  }

  @Test
  void inAnImageWithMusl() throws Exception {
    assumeTrue(TestImages.musl(), "needs the packages musl and musl-tools");
    try (RunnerContainer container = container()) {
      container.start(request(List.of("hello"), Map.of()), TestImages.MUSL, "--init");
      assertThat(container.await()).isEqualTo(9);
      assertThat(container.text()).isEqualTo("hello from musl\n");
    }
  }

  @Test
  void inAnImageWithEverything() throws Exception {
    assumeTrue(TestImages.debian(), "needs the package debootstrap");
    try (RunnerContainer container = container()) {
      container.start(
          shell("id -un; perl -e 'print \"perl\\n\"'; pwd; echo ~; ulimit -n; exit 4"),
          TestImages.DEBIAN,
          "--init",
          "--user",
          "nobody",
          "--workdir",
          "/var/tmp",
          "--ulimit",
          "nofile=1111:2222");
      assertThat(container.await()).isEqualTo(4);
      assertThat(container.text()).isEqualTo("nobody\nperl\n/var/tmp\n/nonexistent\n1111\n");
    }
  }

  @ParameterizedTest
  @CsvSource({"kill -9 $$, 137", "kill -TERM $$, 143", "kill -SEGV $$, 139", "exit 255, 255"})
  void theStatusIsExact(String script, int status) throws Exception {
    try (RunnerContainer container = container()) {
      container.start(shell(script), TestImages.BUSYBOX, "--init");
      assertThat(container.await()).isEqualTo(status);
      assertThat(container.marks()).contains("exit-" + status, "logged-0");
    }
  }

  @Test
  void everyByteOfTheOutputIsInTheLog() throws Exception {
    try (RunnerContainer container = container()) {
      container.start(shell(TestImages.everyByte()), TestImages.BUSYBOX, "--init");
      container.await();
      assertThat(container.log()).isEqualTo(TestImages.everyByteExpected());
    }
  }

  /** Much faster than 10 MB/s: as fast as the machine can. */
  @Test
  void aLotOfOutputIsWhole() throws Exception {
    try (RunnerContainer container = container()) {
      container.start(
          shell("yes 0123456789abcde | head -c 209715200; echo end >&2"),
          TestImages.BUSYBOX,
          "--init");
      container.await();
      assertThat(Files.size(dir.resolve("io/log"))).isEqualTo(209715200 + 4);
      assertThat(container.marks()).contains("exit-0", "logged-0");
    }
  }

  @Test
  void theWholeCommandHearsThatItIsToEnd() throws Exception {
    try (RunnerContainer container = container()) {
      container.start(
          shell(
              "trap 'echo bye; exit 7' TERM; (trap 'echo inner; exit' TERM; while :; do sleep 0.1;"
                  + " done) & echo ready; while :; do sleep 0.1; done"),
          TestImages.BUSYBOX,
          "--init");
      await(marks -> marks.contains("log"), container);
      awaitText(container, "ready");
      container.docker("stop", "--time", "30", container.name());
      assertThat(container.await()).isEqualTo(7);
      assertThat(container.text()).contains("bye", "inner");
      assertThat(container.marks()).contains("exit-7", "logged-0");
    }
  }

  /** Without the engine's own first process. */
  @Test
  void orphansAreTakenOffTheTable() throws Exception {
    try (RunnerContainer container = container()) {
      container.start(
          shell(
              "(sleep 0.1 & sleep 0.1 & exit); sleep 1; echo \"dead: $(ps | grep -c '[Z]')\";"
                  + " sleep 8; ps -o stat,comm"),
          TestImages.BUSYBOX);
      assertThat(container.await()).isZero();
      assertThat(container.text().lines().skip(1)).noneMatch(line -> line.startsWith("Z"));
    }
  }

  @Test
  void nothingOfTheImageLeadsItAstray() throws Exception {
    RunnerRequest plain = shell("env");
    Map<String, String> image =
        Map.of("JAVA_TOOL_OPTIONS", "-Xnonsense", "LD_PRELOAD", "/no/such.so", "CLASSPATH", "/x");
    RunnerRequest request =
        new RunnerRequest(
            plain.id(), plain.command(), Map.of(), image, null, List.of(), null, null, 0, true);
    assertThat(RuntimeLayout.EMPTIED_ENV).containsAll(image.keySet());
    try (RunnerContainer container = container()) {
      container.start(
          request,
          TestImages.BUSYBOX,
          "--init",
          "-e",
          "JAVA_TOOL_OPTIONS=",
          "-e",
          "LD_PRELOAD=",
          "-e",
          "CLASSPATH=");
      assertThat(container.await()).isZero();
      assertThat(container.text())
          .doesNotContain("cannot be preloaded")
          .contains("JAVA_TOOL_OPTIONS=-Xnonsense", "LD_PRELOAD=/no/such.so", "CLASSPATH=/x");
    }
  }

  @Test
  void aReadOnlyImageAndAUserThatItDoesNotKnow() throws Exception {
    try (RunnerContainer container = container()) {
      container.start(
          shell("id -u; echo $USER $HOME"),
          TestImages.BUSYBOX,
          "--init",
          "--read-only",
          "--user",
          "4321:4321",
          "--cap-drop",
          "ALL");
      assertThat(container.await()).isZero();
      assertThat(container.text()).isEqualTo("4321\n4321 /\n");
    }
  }

  @Test
  void whatKeepsTheCommandFromStartingIsSaid() throws Exception {
    try (RunnerContainer container = container()) {
      container.start(request(List.of("nope"), Map.of()), TestImages.BUSYBOX, "--init");
      assertThat(container.await()).isEqualTo(IoFiles.NOT_STARTED);
      assertThat(container.marks()).contains("exit-125", "logged-0");
      assertThat(container.mark(IoFiles.FAILURE, IoFiles.Failure.class))
          .isEqualTo(
              new IoFiles.Failure(
                  "creating_container_error",
                  "commands: there is no program 'nope' on the PATH of the image"
                      + " (/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)"));
    }
  }

  @Test
  void aRepositoryComesWithoutGitInTheImage() throws Exception {
    Path work = Files.createDirectories(dir.resolve("work"));
    RunnerContainer.tool(List.of("git", "-C", work.toString(), "init", "-q", "-b", "main"));
    Files.writeString(work.resolve("größe.txt"), "5\n");
    RunnerContainer.tool(List.of("git", "-C", work.toString(), "add", "-A"));
    RunnerContainer.tool(
        List.of(
            "git",
            "-C",
            work.toString(),
            "-c",
            "user.name=T",
            "-c",
            "user.email=t@example.org",
            "commit",
            "-q",
            "-m",
            "first"));
    RepoRequest repo =
        new RepoRequest(
            "/origin", "main", null, null, "code", RepoRequest.IfExists.ERROR, true, null, null);
    RunnerRequest plain = shell("pwd; echo $DSTACK_REPO_DIR; cat \"$DSTACK_REPO_DIR/größe.txt\"");
    RunnerRequest request =
        new RunnerRequest(
            plain.id(),
            plain.command(),
            Map.of(),
            Map.of(),
            "/job",
            List.of(),
            new RunnerRequest.Repo(repo, null),
            null,
            0,
            true);
    try (RunnerContainer container = container()) {
      container.start(
          request, TestImages.BUSYBOX, "--init", "-v", work.resolve(".git") + ":/origin:ro");
      assertThat(container.await()).as(container.runnerLog()).isZero();
      assertThat(container.text()).isEqualTo("/job\n/job/code\n5\n");
    }
  }

  private static void await(Predicate<Set<String>> condition, RunnerContainer container)
      throws IOException {
    Instant end = Instant.now().plus(DEADLINE);
    while (!condition.test(new HashSet<>(container.marks()))) {
      assertThat(Instant.now()).as("%s", container.marks()).isBefore(end);
      Thread.onSpinWait();
    }
  }

  private static void awaitText(RunnerContainer container, String text) throws IOException {
    Instant end = Instant.now().plus(DEADLINE);
    while (!container.text().contains(text)) {
      assertThat(Instant.now()).isBefore(end);
      Thread.onSpinWait();
    }
  }
}
