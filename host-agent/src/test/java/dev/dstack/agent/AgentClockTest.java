package dev.dstack.agent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.agent.AccessRequest;
import dev.dstack.model.agent.LogFrame;
import dev.dstack.model.agent.TaskInfo;
import dev.dstack.model.agent.TaskRequest;
import dev.dstack.model.agent.TaskStatus;
import dev.dstack.model.job.JobTerminationReason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;

/** The clock of a host is set by an hour, forward and back, while tasks run on it. */
@Timeout(300)
@EnabledIf(value = "toolsAreThere", disabledReason = "needs gcc and openssh-client")
class AgentClockTest {
  private static final long HOUR = 3_600;

  /** Nothing here takes as long as what is left of an hour then. */
  private static final long NEARLY_AN_HOUR = 3_000;

  @TempDir Path directory;

  static boolean toolsAreThere() {
    return JumpingClock.canBeMade()
        && Arrays.stream(System.getenv("PATH").split(":"))
            .anyMatch(place -> Files.isExecutable(Path.of(place, "ssh")));
  }

  private TaskRequest request(String script, Long maxDurationSeconds) throws IOException {
    return new TaskRequest(
        AgentProcess.newId(),
        "test",
        List.of("/bin/sh", "-c", script),
        Map.of("DIR", directory.toString()),
        null,
        null,
        List.of(),
        maxDurationSeconds,
        60,
        0,
        null,
        null,
        new AccessRequest(Files.readAllLines(directory.resolve("key.pub")), null, null),
        List.of(),
        null);
  }

  private Process login(TaskInfo task) throws IOException {
    return new ProcessBuilder(
            "ssh",
            "-F",
            "none",
            "-i",
            directory + "/key",
            "-p",
            Integer.toString(task.ports().get(AccessRequest.SSH_PORT)),
            "-o",
            "IdentitiesOnly=yes",
            "-o",
            "IdentityAgent=none",
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "BatchMode=yes",
            "x@127.0.0.1",
            "echo in; exec sleep 1000")
        .redirectError(ProcessBuilder.Redirect.DISCARD)
        .start();
  }

  private static int lines(AgentProcess agent, TaskRequest task) {
    return (int) agent.text(task.id()).lines().count();
  }

  private static void grows(AgentProcess agent, TaskRequest task) {
    int now = lines(agent, task);
    AgentProcess.until("there are more lines", () -> lines(agent, task) > now + 10);
  }

  private static Instant lastLine(AgentProcess agent, TaskRequest task) {
    return AgentProcess.decode(agent.frames(task.id())).getLast().at();
  }

  @Test
  void nothingEndsIsLostOrMistaken() throws Exception {
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    Process keygen =
        new ProcessBuilder("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory + "/key")
            .start();
    assertThat(keygen.waitFor(60, TimeUnit.SECONDS)).isTrue();
    JumpingClock clock = new JumpingClock(directory);
    AgentProcess agent =
        AgentProcess.start(
            directory.resolve("home"),
            List.of(),
            clock.environment(),
            "--enable-native-access=ALL-UNNAMED");
    Process session = null;
    try (agent) {
      TaskRequest steady =
          request(
              "i=0; while [ ! -e $DIR/end ]; do i=$((i+1)); echo line $i; sleep 0.05; done; exit 7",
              NEARLY_AN_HOUR);
      agent.submit(steady);
      session = login(agent.running(steady.id()));
      assertThat(session.inputReader().readLine()).isEqualTo("in");
      grows(agent, steady);

      clock.set(HOUR);
      AgentProcess.until(
          "lines have the new time",
          () -> lastLine(agent, steady).isAfter(Instant.now().plusSeconds(NEARLY_AN_HOUR)));
      grows(agent, steady);
      assertThat(agent.task(steady.id()).status()).isEqualTo(TaskStatus.RUNNING);

      TaskRequest limited = request("sleep 1000", 5L);
      TaskRequest stopped =
          request(
              "trap 'touch $DIR/asked; while [ ! -e $DIR/go ]; do sleep 0.05; done; exit 3' TERM;"
                  + " echo ready; while :; do sleep 0.05; done",
              null);
      agent.submit(limited);
      agent.submit(stopped);
      agent.running(limited.id());
      AgentProcess.until("it can be stopped", () -> lines(agent, stopped) == 1);
      agent.stop(stopped.id(), JobTerminationReason.TERMINATED_BY_USER, 600);
      AgentProcess.until("it is asked", () -> Files.exists(directory.resolve("asked")));

      clock.set(-HOUR);
      AgentProcess.until(
          "the host has the new time",
          () ->
              agent.metrics(steady.id()).at().isBefore(Instant.now().minusSeconds(NEARLY_AN_HOUR)));
      grows(agent, steady);
      assertThat(agent.task(steady.id()).status()).isEqualTo(TaskStatus.RUNNING);

      Files.createFile(directory.resolve("go"));
      TaskInfo asked = agent.exited(stopped.id());
      assertThat(asked.exit().reason()).isEqualTo(JobTerminationReason.TERMINATED_BY_USER);
      assertThat(asked.finishedAt()).isAfterOrEqualTo(asked.startedAt());

      TaskInfo over = agent.exited(limited.id());
      assertThat(over.exit().reason()).isEqualTo(JobTerminationReason.MAX_DURATION_EXCEEDED);
      assertThat(over.finishedAt()).isAfterOrEqualTo(over.startedAt());

      // Whoever is logged in for ten seconds uses it, whatever the clock says of when they came.
      AgentProcess.until("it is used", () -> agent.task(steady.id()).unusedSince() == null);

      Files.createFile(directory.resolve("end"));
      TaskInfo ended = agent.exited(steady.id());
      assertThat(ended.exit().exitStatus()).isEqualTo(7);
      assertThat(ended.exit().reason()).isEqualTo(JobTerminationReason.CONTAINER_EXITED_WITH_ERROR);
      assertThat(ended.finishedAt()).isAfterOrEqualTo(ended.startedAt());
      List<String> lines = agent.text(steady.id()).lines().toList();
      assertThat(lines)
          .isEqualTo(IntStream.rangeClosed(1, lines.size()).mapToObj(i -> "line " + i).toList());
      assertThat(AgentProcess.decode(agent.frames(steady.id())))
          .extracting(LogFrame::at)
          .isSorted();
    } finally {
      if (session != null) {
        session.destroyForcibly();
      }
    }
  }
}
