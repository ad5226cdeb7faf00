package dev.dstack.agent;

import static dev.dstack.agent.AgentProcess.request;
import static dev.dstack.agent.AgentProcess.shell;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.dstack.agent.host.Processes;
import dev.dstack.model.agent.LogFrame;
import dev.dstack.model.agent.RepoRequest;
import dev.dstack.model.agent.TaskInfo;
import dev.dstack.model.agent.TaskRequest;
import dev.dstack.model.agent.TaskStatus;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.job.JobTerminationReason;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tasks as real processes under a real agent. */
@Timeout(120)
class AgentTasksTest {
  @TempDir static Path directory;
  private static AgentProcess agent;

  @BeforeAll
  static void start() {
    agent = AgentProcess.start(directory.resolve("home"));
  }

  @AfterAll
  static void stop() {
    agent.close();
  }

  private static TaskInfo run(TaskRequest request) {
    agent.submit(request);
    return agent.exited(request.id());
  }

  @ParameterizedTest
  @CsvSource({
    "exit 0, done_by_runner, 0",
    "exit 7, container_exited_with_error, 7",
    "exit 255, container_exited_with_error, 255",
    "kill -9 $$, container_exited_with_error, 137",
    "kill -15 $$, container_exited_with_error, 143",
    "no-such-program-anywhere, container_exited_with_error, 127",
  })
  void theStatusIsTheProcesssOwn(String script, String reason, int status) {
    TaskInfo info = run(shell(script));

    assertThat(info.exit().reason().wire()).isEqualTo(reason);
    assertThat(info.exit().exitStatus()).isEqualTo(status);
    assertThat(info.startedAt()).isNotNull();
    assertThat(info.finishedAt()).isAfterOrEqualTo(info.startedAt());
    assertThat(info.seq()).isEqualTo(3);
  }

  @Test
  void outputIsCompleteInOrderAndBothStreamsTogether() {
    TaskRequest request = shell("echo one; echo two >&2; echo three > /dev/stderr; printf four");
    run(request);

    assertThat(agent.text(request.id())).isEqualTo("one\ntwo\nthree\nfour");
  }

  @Test
  void binaryOutputAndLinesOfAMegabyteArriveUnchanged() throws Exception {
    Path data = directory.resolve("data.bin");
    byte[] bytes = new byte[5_000_000];
    new Random(7).nextBytes(bytes);
    Arrays.fill(bytes, 0, 3_000_000, (byte) 'x');
    bytes[1_048_576] = '\n';
    Files.write(data, bytes);
    TaskRequest request = request(List.of("cat", data.toString()), Map.of());
    TaskInfo info = run(request);

    byte[] frames = agent.frames(request.id());
    assertThat(agent.output(request.id())).isEqualTo(bytes);
    assertThat((long) frames.length).isEqualTo(info.logEnd());
    assertThat(AgentProcess.decode(frames))
        .allMatch(frame -> frame.bytes().length <= LogFrame.MAX_BYTES);
    // Any piece is the same piece.
    for (int offset : new int[] {0, 1, 12, 13, 14, 65_548, 65_549, 2_000_003, frames.length - 1}) {
      assertThat(agent.rawLog(request.id(), offset, 70_001))
          .isEqualTo(Arrays.copyOfRange(frames, offset, Math.min(frames.length, offset + 70_001)));
    }
    assertThat(agent.rawLog(request.id(), frames.length, 100)).isEmpty();
    assertThat(agent.rawLog(request.id(), frames.length + 1_000, 100)).isEmpty();
  }

  @Test
  void aLineIsSeenWhileTheTaskRuns() {
    TaskRequest request = shell("echo ready; exec sleep 600");
    agent.submit(request);

    TaskInfo info = agent.until(request.id(), now -> now.logEnd() > 0);

    assertThat(info.status()).isEqualTo(TaskStatus.RUNNING);
    assertThat(agent.text(request.id())).isEqualTo("ready\n");
    agent.stop(request.id(), JobTerminationReason.TERMINATED_BY_USER, 5);
    TaskInfo end = agent.exited(request.id());
    assertThat(end.exit().reason()).isEqualTo(JobTerminationReason.TERMINATED_BY_USER);
    assertThat(end.exit().exitStatus()).isEqualTo(143);
  }

  @Test
  void aPromptWithoutALineEndIsSeenToo() {
    TaskRequest request = shell("printf 'password: '; exec sleep 600");
    agent.submit(request);

    agent.until(request.id(), now -> now.logEnd() > 0);

    assertThat(agent.text(request.id())).isEqualTo("password: ");
    agent.stop(request.id(), JobTerminationReason.ABORTED_BY_USER, 0);
    assertThat(agent.exited(request.id()).exit().exitStatus()).isEqualTo(137);
  }

  @Test
  void whatIgnoresTermIsKilledAfterTheGrace() {
    TaskRequest request = shell("trap '' TERM; echo ready; while :; do sleep 0.1; done");
    agent.submit(request);
    agent.until(request.id(), now -> now.logEnd() > 0);

    agent.stop(request.id(), JobTerminationReason.TERMINATED_BY_USER, 1);
    agent.stop(request.id(), JobTerminationReason.TERMINATED_BY_USER, 1);
    TaskInfo end = agent.exited(request.id());

    assertThat(end.exit().exitStatus()).isEqualTo(137);
    assertThat(end.exit().reason()).isEqualTo(JobTerminationReason.TERMINATED_BY_USER);
  }

  @Test
  void whatCleansUpOnTermIsGivenTheTime() {
    TaskRequest request =
        shell(
            "trap 'echo saving; sleep 0.3; echo saved; exit 0' TERM; echo ready; while :; do sleep 0.05; done");
    agent.submit(request);
    agent.until(request.id(), now -> now.logEnd() > 0);

    agent.stop(request.id(), JobTerminationReason.TERMINATED_BY_USER, 30);
    TaskInfo end = agent.exited(request.id());

    // The shell's own word about the child that was sent the signal too.
    assertThat(agent.text(request.id()).replace("Terminated\n", ""))
        .isEqualTo("ready\nsaving\nsaved\n");
    assertThat(end.exit().exitStatus()).isZero();
    assertThat(end.exit().reason()).isEqualTo(JobTerminationReason.TERMINATED_BY_USER);
  }

  @Test
  void childrenLeftBehindEndWithTheTask() {
    TaskRequest request =
        shell(
            "sleep 601 & setsid sleep 602 >/dev/null 2>&1 & (setsid sh -c 'sleep 603' &); echo gone");
    run(request);

    String mark = request.id().toString();
    AgentProcess.until(
        "no process of the task is left",
        () -> Processes.all().stream().noneMatch(seen -> seen.mark().equals(mark)));
    assertThat(agent.text(request.id())).isEqualTo("gone\n");
  }

  @Test
  void theEnvironmentIsExactlyWhatWasGivenAndAFewDefaults() {
    Map<String, String> env = new LinkedHashMap<>();
    env.put("PLAIN", "value");
    env.put("QUOTES", "a'b\"c`d$e\\f!g;h&i|j");
    env.put("LINES", "one\ntwo\n\nthree\n");
    env.put("UNICODE", "ä€𝄞\u0081\u0088");
    env.put("EMPTY", "");
    env.put("SPACES", "  x  y  ");
    env.put("IFS", ":");
    env.put("UID", "77");
    env.put("PPID", "88");
    env.put("OPTIND", "not a number");
    env.put("_underscore", "1");
    env.put("HOME", "/elsewhere");
    TaskRequest request = request(List.of("env", "-0"), env);
    run(request);

    Map<String, String> seen = new LinkedHashMap<>();
    for (String line : agent.text(request.id()).split("\0")) {
      seen.put(line.substring(0, line.indexOf('=')), line.substring(line.indexOf('=') + 1));
    }
    assertThat(seen).containsAllEntriesOf(env);
    assertThat(seen.keySet())
        .isSubsetOf(
            union(
                env.keySet(),
                "USER",
                "LOGNAME",
                "PATH",
                "LANG",
                "PYTHONUNBUFFERED",
                "DSTACK_WORKING_DIR",
                "DSTACK_AGENT_TASK",
                "PWD",
                "SHLVL",
                "_"));
  }

  private static List<String> union(Iterable<String> some, String... more) {
    List<String> all = new ArrayList<>(List.of(more));
    some.forEach(all::add);
    return all;
  }

  @Test
  void argumentsArriveAsTheyWereGiven() {
    List<String> arguments =
        List.of("printf", "<%s>", "a b", "", "'", "\"", "$HOME", "`id`", "a\nb", "*", "\\", "-n");
    TaskRequest request = request(arguments, Map.of());
    run(request);

    assertThat(agent.text(request.id())).isEqualTo("<a b><><'><\"><$HOME><`id`><a\nb><*><\\><-n>");
  }

  @Test
  void neitherCommandNorEnvironmentStayOnTheDisk() throws IOException {
    TaskRequest request =
        request(
            List.of("sh", "-c", "echo ready; sleep 600 # planted-in-command"),
            Map.of("S", "planted-in-env"));
    agent.submit(request);
    agent.until(request.id(), now -> now.logEnd() > 0);

    try (var files = Files.walk(agent.home())) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        String content = Files.readString(file, StandardCharsets.ISO_8859_1);
        assertThat(content).as(file.toString()).doesNotContain("planted-in");
      }
    }
    agent.stop(request.id(), JobTerminationReason.ABORTED_BY_USER, 0);
    agent.exited(request.id());
  }

  @Test
  void aTaskRunsInItsOwnDirectoryOrWhereItWantsTo() {
    TaskRequest own = shell("pwd; echo x > file");
    TaskInfo info = run(own);
    assertThat(agent.text(own.id())).isEqualTo(info.workingDir() + "\n");
    assertThat(Path.of(info.workingDir(), "file")).exists();

    TaskRequest below =
        new TaskRequest(
            AgentProcess.newId(),
            "t",
            List.of("pwd"),
            Map.of(),
            "a/b",
            null,
            List.of(),
            null,
            5,
            0);
    run(below);
    assertThat(agent.text(below.id())).endsWith("/work/a/b\n");

    TaskRequest absolute =
        new TaskRequest(
            AgentProcess.newId(),
            "t",
            List.of("pwd"),
            Map.of(),
            "/usr",
            null,
            List.of(),
            null,
            5,
            0);
    run(absolute);
    assertThat(agent.text(absolute.id())).isEqualTo("/usr\n");
  }

  @Test
  void aMissingProgramIsSaidInWords() {
    TaskInfo info = run(request(List.of("no-such-shell", "-c", "echo"), Map.of()));

    assertThat(info.exit().reason()).isEqualTo(JobTerminationReason.CREATING_CONTAINER_ERROR);
    assertThat(info.exit().exitStatus()).isNull();
    assertThat(info.exit().message()).contains("no-such-shell").contains("PATH");
    assertThat(info.startedAt()).isNull();
  }

  @Test
  void maxDurationEndsATask() {
    TaskRequest request =
        new TaskRequest(
            AgentProcess.newId(),
            "t",
            List.of("sleep", "600"),
            Map.of(),
            null,
            null,
            List.of(),
            1L,
            5,
            0);
    TaskInfo info = run(request);

    assertThat(info.exit().reason()).isEqualTo(JobTerminationReason.MAX_DURATION_EXCEEDED);
    assertThat(info.exit().message()).contains("max_duration");
  }

  @Test
  void theLogQuotaEndsATask() {
    TaskRequest request =
        new TaskRequest(
            AgentProcess.newId(),
            "t",
            List.of("sh", "-c", "while :; do echo 0123456789012345678901234567890123456789; done"),
            Map.of(),
            null,
            null,
            List.of(),
            null,
            5,
            100_000);
    TaskInfo info = run(request);

    assertThat(info.exit().reason()).isEqualTo(JobTerminationReason.LOG_QUOTA_EXCEEDED);
    assertThat(info.exit().message()).contains("100000");
  }

  @Test
  void filesAreUnpackedBeforeTheStart() throws Exception {
    byte[] directoryArchive =
        tar(Map.of("project/a.txt", "A", "project/sub/run.sh", "#!/bin/sh\necho from-script\n"));
    byte[] fileArchive = tar(Map.of("original-name.txt", "single"));
    List<TaskRequest.FileMount> files =
        List.of(
            new TaskRequest.FileMount(put(directoryArchive), "code"),
            new TaskRequest.FileMount(put(fileArchive), "data/renamed.txt"),
            new TaskRequest.FileMount(put(directoryArchive), "as-is/"));
    TaskRequest request =
        new TaskRequest(
            AgentProcess.newId(),
            "t",
            List.of(
                "sh", "-c", "cat code/a.txt data/renamed.txt as-is/project/a.txt; code/sub/run.sh"),
            Map.of(),
            null,
            null,
            files,
            null,
            5,
            0);
    TaskInfo info = run(request);

    assertThat(agent.text(request.id())).isEqualTo("AsingleAfrom-script\n");
    assertThat(info.exit().exitStatus()).isZero();
  }

  @Test
  void aRepositoryIsThereBeforeTheStartAndItsCredentialsAreGone() throws Exception {
    Path origin = Files.createDirectories(directory.resolve("origin"));
    for (String command :
        List.of(
            "git init -q -b main .",
            "git config user.email a@b",
            "git config user.name a",
            "touch tracked",
            "git add tracked",
            "git commit -q -m first")) {
      Process git =
          new ProcessBuilder(command.split(" ")).directory(origin.toFile()).inheritIO().start();
      assertThat(git.waitFor()).isZero();
    }
    TaskRequest shell = shell("ls; echo $DSTACK_REPO_DIR");
    TaskRequest request =
        new TaskRequest(
            shell.id(),
            shell.name(),
            shell.command(),
            shell.env(),
            "code",
            null,
            List.of(),
            null,
            5,
            0,
            null,
            new RepoRequest(
                origin.toUri().toString(),
                "main",
                null,
                null,
                ".",
                RepoRequest.IfExists.ERROR,
                false,
                new RepoRequest.Credentials("tok-secret", null),
                null),
            null);
    agent.submit(request);
    TaskInfo info = agent.exited(request.id());

    assertThat(info.exit().message()).isEmpty();
    assertThat(agent.text(request.id()))
        .isEqualTo("tracked\n" + agent.directory(request.id()).resolve("work/code") + "\n");
    assertThat(agent.directory(request.id()).resolve("repo.json")).doesNotExist();
  }

  @Test
  void anArchiveThatLeadsOutIsRefusedAndNothingIsWritten() throws Exception {
    TaskRequest request =
        new TaskRequest(
            AgentProcess.newId(),
            "t",
            List.of("true"),
            Map.of(),
            null,
            null,
            List.of(
                new TaskRequest.FileMount(put(tar(Map.of("x/../../../escaped", "bad"))), "code")),
            null,
            5,
            0);
    TaskInfo info = run(request);

    assertThat(info.exit().reason()).isEqualTo(JobTerminationReason.CREATING_CONTAINER_ERROR);
    assertThat(info.exit().message()).contains("leads out of the archive");
    assertThat(agent.directory(request.id()).resolve("escaped")).doesNotExist();
  }

  @Test
  void submittingTwiceIsOneTask() {
    TaskRequest request = shell("echo once >> ../../../count-" + "twice; sleep 600");
    agent.submit(request);
    AgentProcess.until("it has run", () -> Files.exists(agent.home().resolve("count-twice")));
    TaskInfo again = agent.submit(request);

    assertThat(again.status()).isEqualTo(TaskStatus.RUNNING);
    agent.stop(request.id(), JobTerminationReason.ABORTED_BY_USER, 0);
    agent.exited(request.id());
    TaskInfo afterwards = agent.submit(request);
    assertThat(afterwards.status()).isEqualTo(TaskStatus.EXITED);
    assertThat(agent.home().resolve("count-twice")).hasContent("once");
  }

  @Test
  void manyTasksAtOnce() {
    List<JobId> ids = new ArrayList<>();
    for (int i = 0; i < 30; i++) {
      TaskRequest request = shell("for k in 1 2 3; do echo task-" + i + "-$k; done; exit " + i);
      agent.submit(request);
      ids.add(request.id());
    }
    for (int i = 0; i < ids.size(); i++) {
      TaskInfo info = agent.exited(ids.get(i));
      assertThat(info.exit().exitStatus()).isEqualTo(i);
      assertThat(agent.text(ids.get(i)))
          .isEqualTo("task-" + i + "-1\ntask-" + i + "-2\ntask-" + i + "-3\n");
    }
  }

  @Test
  void aTaskCanRunAsAnotherUserWhoseFilesAreItsOwn() throws Exception {
    assumeTrue("root".equals(System.getProperty("user.name")), "needs root");
    Path open = Files.createTempDirectory(Path.of("/tmp"), "agent-user");
    Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwx--x--x"));
    try (AgentProcess other = AgentProcess.start(open.resolve("home"))) {
      TaskRequest request =
          new TaskRequest(
              AgentProcess.newId(),
              "t",
              List.of(
                  "sh",
                  "-c",
                  "id -un; echo x > mine && cat mine; cat \"$0\" || echo refused;"
                      + " ls ../.. || echo closed; echo to-stderr >&2",
                  open.resolve("home/token").toString()),
              Map.of("SECRET", "s"),
              null,
              "nobody",
              List.of(),
              null,
              5,
              0);
      other.submit(request);
      TaskInfo info = other.exited(request.id());

      assertThat(other.text(request.id()))
          .startsWith("nobody\nx\n")
          .contains("refused\n")
          .contains("closed\n")
          .contains("to-stderr\n");
      assertThat(info.username()).isEqualTo("nobody");
      assertThat(info.exit().exitStatus()).isZero();
    } finally {
      Durable.removeTree(open);
    }
  }

  @Test
  void removingATaskRemovesItsFiles() {
    TaskRequest request = shell("mkdir closed; echo x > closed/file; chmod 500 closed");
    run(request);
    assertThat(agent.call("DELETE", "/v1/tasks/" + request.id(), null).statusCode()).isEqualTo(204);
    assertThat(agent.call("DELETE", "/v1/tasks/" + request.id(), null).statusCode()).isEqualTo(204);
    assertThat(agent.call("GET", "/v1/tasks/" + request.id(), null).statusCode()).isEqualTo(404);
    assertThat(agent.directory(request.id())).doesNotExist();
  }

  @Test
  void aRunningTaskIsNotRemoved() {
    TaskRequest request = shell("sleep 600");
    agent.submit(request);
    agent.running(request.id());

    assertThat(agent.call("DELETE", "/v1/tasks/" + request.id(), null).statusCode()).isEqualTo(409);
    agent.stop(request.id(), JobTerminationReason.ABORTED_BY_USER, 0);
    agent.exited(request.id());
  }

  @Test
  void theHostIsDescribed() {
    var info = agent.info();
    assertThat(info.bootId()).isEqualTo(Processes.bootId());
    assertThat(info.resources().cpus()).isGreaterThan(0);
    assertThat(info.resources().memoryMib()).isGreaterThan(100);
    assertThat(info.resources().diskMib()).isGreaterThan(0);
  }

  static byte[] tar(Map<String, String> files) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (TarArchiveOutputStream tar = new TarArchiveOutputStream(bytes)) {
      for (Map.Entry<String, String> file : files.entrySet()) {
        byte[] content = file.getValue().getBytes(StandardCharsets.UTF_8);
        TarArchiveEntry entry = new TarArchiveEntry(file.getKey(), true);
        entry.setSize(content.length);
        entry.setMode(file.getKey().endsWith(".sh") ? 0755 : 0644);
        tar.putArchiveEntry(entry);
        tar.write(content);
        tar.closeArchiveEntry();
      }
    }
    return bytes.toByteArray();
  }

  private static String put(byte[] archive) throws Exception {
    String hash = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(archive));
    assertThat(agent.call("PUT", "/v1/archives/" + hash, archive).statusCode()).isEqualTo(204);
    assertThat(agent.call("HEAD", "/v1/archives/" + hash, null).statusCode()).isEqualTo(200);
    return hash;
  }
}
