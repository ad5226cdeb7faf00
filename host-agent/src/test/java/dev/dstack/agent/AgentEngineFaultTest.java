package dev.dstack.agent;

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
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The agent dies, the host does, or the engine: the command ran once, and nothing is left. */
@Tag("docker")
@EnabledIfEnvironmentVariable(
    named = "DSTACK_TEST_DOCKER",
    matches = "1",
    disabledReason = "needs a Docker Engine of the tests' own (infra/scripts/docker.sh)")
@Timeout(240)
class AgentEngineFaultTest {
  private static final Docker DOCKER = Docker.ofTests();

  @TempDir Path directory;

  private static String counting(int lines, double pause, int status) {
    return "echo start; i=1; while [ $i -le "
        + lines
        + " ]; do echo line-$i; i=$((i+1)); sleep "
        + pause
        + "; done; exit "
        + status;
  }

  private static String lines(int count) {
    StringBuilder text = new StringBuilder("start\n");
    IntStream.rangeClosed(1, count).forEach(i -> text.append("line-").append(i).append('\n'));
    return text.toString();
  }

  @ParameterizedTest
  @EnumSource(
      value = CrashPoint.class,
      mode = EnumSource.Mode.EXCLUDE,
      names = {"STOP_JOURNALED", "PULLING"})
  void theCommandRunsOnceAndLosesNothing(CrashPoint point) {
    DOCKER.busybox();
    String property = point.name().toLowerCase(Locale.ROOT).replace('_', '-');
    TaskRequest request = Containers.shell(counting(20, 0.02, 5)).request();
    AgentProcess agent =
        AgentProcess.start(
            directory.resolve("home"), DOCKER.options(), "-Ddstack.agent.crash=" + property);
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

      assertThat(agent.text(request.id())).isEqualTo(lines(20));
      assertThat(info.exit().reason()).isEqualTo(JobTerminationReason.CONTAINER_EXITED_WITH_ERROR);
      assertThat(info.exit().exitStatus()).isEqualTo(5);
      assertThat(DOCKER.containers()).doesNotContain("dstack-" + request.id());
    } finally {
      agent.close();
    }
  }

  @Test
  void killedAgainAndAgainInMidRun() {
    DOCKER.busybox();
    TaskRequest request = Containers.shell(counting(150, 0.02, 0)).request();
    AgentProcess agent = AgentProcess.start(directory.resolve("home"), DOCKER.options());
    try {
      agent.submit(request);
      byte[] seen = new byte[0];
      for (int i = 0; i < 2; i++) {
        long end = seen.length;
        agent.until(request.id(), info -> info.logEnd() > end);
        seen = agent.frames(request.id());
        agent.kill();
        agent.launch();
        byte[] again = agent.frames(request.id());
        assertThat(Arrays.copyOf(again, seen.length)).isEqualTo(seen);
      }
      TaskInfo info = agent.exited(request.id());

      assertThat(agent.text(request.id())).isEqualTo(lines(150));
      assertThat(info.exit().exitStatus()).isZero();
    } finally {
      agent.close();
    }
  }

  @Test
  void aContainerThatNobodyOwnsIsSweptAway() throws IOException {
    DOCKER.busybox();
    AgentProcess agent = AgentProcess.start(directory.resolve("home"), DOCKER.options());
    try {
      TaskRequest request = Containers.shell("echo ready; sleep 600").request();
      agent.submit(request);
      agent.until(request.id(), info -> info.logEnd() > 0);
      agent.kill();
      Durable.removeTree(agent.directory(request.id()));
      DOCKER.run("run", "--detach", "--name", "dstack-others", Docker.BUSYBOX, "sleep", "600");
      try {
        agent.launch();
        AgentProcess.until(
            "it is swept away", () -> !DOCKER.containers().contains("dstack-" + request.id()));
        assertThat(DOCKER.containers()).contains("dstack-others");
      } finally {
        DOCKER.run("rm", "--force", "dstack-others");
      }
    } finally {
      agent.close();
    }
  }

  @Test
  void aRebootOfTheHostEndsWhatRanBefore() throws IOException {
    DOCKER.busybox();
    AgentProcess agent = AgentProcess.start(directory.resolve("home"), DOCKER.options());
    try {
      TaskRequest request = Containers.shell("echo ready; sleep 600").request();
      agent.submit(request);
      agent.until(request.id(), info -> info.logEnd() > 0 && info.status() == TaskStatus.RUNNING);
      agent.kill();
      // As it is when everything died at once and the disk alone remembers.
      DOCKER.run("kill", "dstack-" + request.id());
      Path state = agent.directory(request.id()).resolve("state.json");
      Files.writeString(
          state,
          Files.readString(state)
              .replaceAll("\"boot_id\":\"[^\"]*\"", "\"boot_id\":\"00000000-another-boot\""));
      agent.launch();
      TaskInfo info = agent.exited(request.id());

      assertThat(info.exit().reason()).isEqualTo(JobTerminationReason.EXECUTOR_ERROR);
      assertThat(info.exit().message()).contains("rebooted");
      assertThat(agent.text(request.id())).isEqualTo("ready\n");
      assertThat(DOCKER.containers()).doesNotContain("dstack-" + request.id());
    } finally {
      agent.close();
    }
  }

  @Test
  void aForkBombStaysUnderItsLimitAndGoesAwayWhole() {
    DOCKER.busybox();
    AgentProcess agent =
        AgentProcess.start(
            directory.resolve("home"), DOCKER.options(), "-Ddstack.agent.pids-limit=100");
    try {
      TaskRequest request =
          Containers.shell("echo go; bomb() { bomb | bomb & }; bomb; sleep 2; exit 4").request();
      agent.submit(request);
      TaskInfo info = agent.until(request.id(), now -> now.logEnd() > 0);
      agent.stop(request.id(), JobTerminationReason.TERMINATED_BY_USER, 3);
      info = agent.exited(request.id());

      assertThat(info.exit().reason())
          .isIn(
              JobTerminationReason.TERMINATED_BY_USER,
              JobTerminationReason.CONTAINER_EXITED_WITH_ERROR);
      assertThat(DOCKER.containers()).doesNotContain("dstack-" + request.id());
      TaskRequest limited =
          Containers.shell("for i in $(seq 200); do sleep 30 & done; wait").request();
      agent.submit(limited);
      info = agent.exited(limited.id());
      assertThat(info.exit().message()).contains("limit of 100 processes");
    } finally {
      agent.close();
    }
  }

  // --- an engine of the test's own ---------------------------------------------------------------

  @Test
  void anEngineThatRestartsEndsTheContainerAndThatIsSaid() {
    try (OwnEngine engine = new OwnEngine(directory.resolve("engine"))) {
      engine.start();
      Docker docker = new Docker(engine.host());
      docker.busybox();
      AgentProcess agent = AgentProcess.start(directory.resolve("home"), docker.options());
      try {
        TaskRequest request = Containers.shell("echo ready; sleep 600").hostNetwork().request();
        agent.submit(request);
        agent.until(request.id(), info -> info.logEnd() > 0 && info.status() == TaskStatus.RUNNING);
        engine.stop();
        TaskRequest waiting = Containers.shell("echo later").hostNetwork().request();
        agent.submit(waiting);
        engine.start();
        TaskInfo info = agent.exited(request.id());
        TaskInfo later = agent.exited(waiting.id());

        assertThat(info.exit().reason()).isEqualTo(JobTerminationReason.EXECUTOR_ERROR);
        assertThat(info.exit().message()).contains("Docker Engine").contains("restarted");
        assertThat(later.exit().reason()).isEqualTo(JobTerminationReason.DONE_BY_RUNNER);
        assertThat(agent.text(waiting.id())).isEqualTo("later\n");
        assertThat(docker.containers()).isEmpty();
      } finally {
        agent.close();
      }
    }
  }

  @Test
  void anEngineThatKeepsContainersAliveIsNotMissed() {
    try (OwnEngine engine = new OwnEngine(directory.resolve("engine"), "--live-restore")) {
      engine.start();
      Docker docker = new Docker(engine.host());
      docker.busybox();
      AgentProcess agent = AgentProcess.start(directory.resolve("home"), docker.options());
      try {
        TaskRequest request = Containers.shell(counting(150, 0.05, 3)).hostNetwork().request();
        agent.submit(request);
        agent.until(request.id(), info -> info.logEnd() > 0 && info.status() == TaskStatus.RUNNING);
        engine.stop();
        engine.start();
        TaskInfo info = agent.exited(request.id());

        assertThat(info.exit().exitStatus()).isEqualTo(3);
        assertThat(agent.text(request.id())).isEqualTo(lines(150));
        assertThat(docker.containers()).isEmpty();
      } finally {
        agent.close();
      }
    }
  }

  @Test
  void aHostWithoutAnEngineSaysSo() {
    Docker none = new Docker("unix://" + directory.resolve("no-such.sock"));
    AgentProcess agent = AgentProcess.start(directory.resolve("home"), none.options());
    try {
      assertThat(agent.info().containers()).isFalse();
      assertThat(agent.info().containersMissing()).contains("no-such.sock");
      TaskRequest request = Containers.shell("id").request();
      agent.submit(request);
      TaskInfo info = agent.exited(request.id());

      assertThat(info.exit().reason()).isEqualTo(JobTerminationReason.CREATING_CONTAINER_ERROR);
      assertThat(info.exit().message()).contains("Docker Engine").contains("no-such.sock");
      assertThat(List.of(info.status())).containsExactly(TaskStatus.EXITED);
    } finally {
      agent.close();
    }
  }
}
