package dev.dstack.agent;

import static dev.dstack.agent.AgentProcess.shell;
import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.agent.TaskInfo;
import dev.dstack.model.agent.TaskRequest;
import dev.dstack.model.agent.TaskStatus;
import dev.dstack.model.job.JobTerminationReason;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The agent dies at each place where it could matter; the task never notices. */
@Timeout(180)
class AgentCrashTest {
  @TempDir Path directory;

  private String counting(int lines, double pause, int status) {
    return "echo start >> "
        + directory.resolve("starts")
        + "; i=1; while [ $i -le "
        + lines
        + " ]; do echo line-$i; i=$((i+1)); sleep "
        + pause
        + "; done; exit "
        + status;
  }

  private static String lines(int count) {
    StringBuilder text = new StringBuilder();
    IntStream.rangeClosed(1, count).forEach(i -> text.append("line-").append(i).append('\n'));
    return text.toString();
  }

  @ParameterizedTest
  @EnumSource(
      value = CrashPoint.class,
      mode = EnumSource.Mode.EXCLUDE,
      names = {"STOP_JOURNALED", "PULLING", "CREATED", "CLEARING"})
  void theCommandRunsOnceAndLosesNothing(CrashPoint point) {
    String property = point.name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');
    TaskRequest request = shell(counting(20, 0.02, 5));
    AgentProcess agent =
        AgentProcess.start(directory.resolve("home"), "-Ddstack.agent.crash=" + property);
    try {
      try {
        agent.submit(request);
      } catch (UncheckedIOException e) {
        // It died before it could answer; the caller asks again.
        assertThat(point).isNotEqualTo(CrashPoint.STOP_JOURNALED);
      }
      agent.crashAndRestart();
      agent.submit(request);
      TaskInfo info = agent.exited(request.id());

      assertThat(directory.resolve("starts")).hasContent("start");
      assertThat(agent.text(request.id())).isEqualTo(lines(20));
      assertThat(info.exit().reason()).isEqualTo(JobTerminationReason.CONTAINER_EXITED_WITH_ERROR);
      assertThat(info.exit().exitStatus()).isEqualTo(5);
    } finally {
      agent.close();
    }
  }

  @Test
  void killedAgainAndAgainInMidRun() {
    TaskRequest request = shell(counting(150, 0.02, 0));
    AgentProcess agent = AgentProcess.start(directory.resolve("home"));
    try {
      agent.submit(request);
      byte[] seen = new byte[0];
      for (int i = 0; i < 3; i++) {
        long end = seen.length;
        // On a busy machine it may have ended while the agent started.
        agent.until(
            request.id(), info -> info.logEnd() > end || info.status() == TaskStatus.EXITED);
        seen = agent.frames(request.id());
        agent.kill();
        agent.launch();
        byte[] again = agent.frames(request.id());
        assertThat(Arrays.copyOf(again, seen.length)).isEqualTo(seen);
      }
      TaskInfo info = agent.exited(request.id());

      byte[] frames = agent.frames(request.id());
      assertThat(Arrays.copyOf(frames, seen.length)).isEqualTo(seen);
      assertThat(agent.text(request.id())).isEqualTo(lines(150));
      assertThat(info.exit().exitStatus()).isZero();
      assertThat(directory.resolve("starts")).hasContent("start");
    } finally {
      agent.close();
    }
  }

  @Test
  void whatEndedMeanwhileIsFoundOut() {
    TaskRequest request = shell(counting(5, 0.05, 3));
    AgentProcess agent = AgentProcess.start(directory.resolve("home"));
    try {
      agent.submit(request);
      agent.running(request.id());
      agent.kill();
      Path ended = agent.directory(request.id()).resolve("io/logged-0");
      AgentProcess.until("the task has ended by itself", () -> Files.exists(ended));
      agent.launch();
      TaskInfo info = agent.exited(request.id());

      assertThat(info.exit().exitStatus()).isEqualTo(3);
      assertThat(agent.text(request.id())).isEqualTo(lines(5));
    } finally {
      agent.close();
    }
  }

  @Test
  void aStopThatWasWrittenDownIsCarriedOut() {
    TaskRequest request =
        shell("trap 'echo term; exit 9' TERM; echo ready; while :; do sleep 0.05; done");
    AgentProcess agent =
        AgentProcess.start(directory.resolve("home"), "-Ddstack.agent.crash=stop-journaled");
    try {
      agent.submit(request);
      agent.until(request.id(), info -> info.logEnd() > 0);
      try {
        agent.stop(request.id(), JobTerminationReason.TERMINATED_BY_USER, 30);
      } catch (UncheckedIOException e) {
        assertThat(e).isNotNull();
      }
      agent.crashAndRestart();
      TaskInfo info = agent.exited(request.id());

      assertThat(info.exit().reason()).isEqualTo(JobTerminationReason.TERMINATED_BY_USER);
      assertThat(info.exit().exitStatus()).isEqualTo(9);
      // The shell's own word about the child that was sent the signal too.
      assertThat(agent.text(request.id()).replace("Terminated\n", "")).isEqualTo("ready\nterm\n");
    } finally {
      agent.close();
    }
  }

  @Test
  void aSecondAgentIsRefusedAndTheFirstKeepsItsPort() throws IOException {
    Path home = directory.resolve("home");
    AgentProcess agent = AgentProcess.start(home);
    try {
      int port = agent.port();
      AgentProcess second = AgentProcess.start(home);
      assertThat(second.process().exitValue()).isEqualTo(Main.EXIT_TAKEN);
      assertThat(Files.readString(home.resolve("out.txt"))).contains("another agent already has");
      agent.kill();
      agent.launch();
      assertThat(agent.port()).isEqualTo(port);
    } finally {
      agent.close();
    }
  }

  @Test
  void aTaskWhoseSupervisorWasKilledIsEnded() throws Exception {
    TaskRequest request = shell("echo ready; sleep 600");
    AgentProcess agent = AgentProcess.start(directory.resolve("home"));
    try {
      agent.submit(request);
      agent.until(request.id(), info -> info.logEnd() > 0);
      String started = Files.readString(agent.directory(request.id()).resolve("io/started"));
      long pid = Long.parseLong(started.split(" ")[1]);
      ProcessHandle.of(pid).orElseThrow().destroyForcibly();
      TaskInfo info = agent.exited(request.id());

      assertThat(info.exit().reason()).isEqualTo(JobTerminationReason.EXECUTOR_ERROR);
      assertThat(info.exit().message()).contains("supervisor");
    } finally {
      agent.close();
    }
  }

  @Test
  void aRebootOfTheHostEndsWhatRanBefore() throws IOException {
    TaskRequest request = shell("echo ready; sleep 600");
    AgentProcess agent = AgentProcess.start(directory.resolve("home"));
    try {
      agent.submit(request);
      agent.until(request.id(), info -> info.logEnd() > 0);
      agent.stop(request.id(), JobTerminationReason.ABORTED_BY_USER, 0);
      agent.exited(request.id());
      agent.kill();
      // As the disk would look after the host had died under it.
      Path task = agent.directory(request.id());
      Files.delete(task.resolve("io/exit-137"));
      Files.deleteIfExists(task.resolve("io/logged-0"));
      for (String file : new String[] {"io/started", "io/pid"}) {
        Path path = task.resolve(file);
        String line = Files.readString(path);
        Files.writeString(path, "00000000-another-boot" + line.substring(line.indexOf(' ')));
      }
      Path state = task.resolve("state.json");
      Files.writeString(
          state,
          Files.readString(state)
              .replaceAll("\"phase\":\"EXITED\"", "\"phase\":\"RUNNING\"")
              .replaceAll("\"seq\":3", "\"seq\":2")
              .replaceAll("\"stop\":\\{[^}]*}", "\"stop\":null")
              .replaceAll("\"exit\":\\{[^}]*}", "\"exit\":null")
              .replaceAll("\"boot_id\":\"[^\"]*\"", "\"boot_id\":\"00000000-another-boot\""));
      agent.launch();
      TaskInfo info = agent.exited(request.id());

      assertThat(info.status()).isEqualTo(TaskStatus.EXITED);
      assertThat(info.exit().reason()).isEqualTo(JobTerminationReason.EXECUTOR_ERROR);
      assertThat(info.exit().message()).contains("rebooted");
      assertThat(agent.text(request.id())).isEqualTo("ready\n");
    } finally {
      agent.close();
    }
  }

  @Test
  void endingEverythingEndsAgentAndTasksAlsoWhenTheAgentIsDead() throws Exception {
    for (boolean dead : new boolean[] {false, true}) {
      Path home = directory.resolve("home-" + dead);
      TaskRequest request = shell("echo ready; sleep 600");
      AgentProcess agent = AgentProcess.start(home);
      agent.submit(request);
      agent.until(request.id(), info -> info.logEnd() > 0);
      if (dead) {
        agent.kill();
      }
      Process stop =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-cp",
                  System.getProperty("java.class.path"),
                  "dev.dstack.agent.Main",
                  "--home",
                  home.toString(),
                  "--stop")
              .inheritIO()
              .start();

      assertThat(stop.waitFor()).isZero();
      agent.awaitEnd();
      assertThat(agent.directory(request.id()).resolve("io/exit-143")).exists();
      assertThat(Files.readString(agent.directory(request.id()).resolve("state.json")))
          .contains("terminated_by_server");
    }
  }
}
