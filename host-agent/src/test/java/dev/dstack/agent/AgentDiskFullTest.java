package dev.dstack.agent;

import static dev.dstack.agent.AgentProcess.shell;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.dstack.model.agent.AgentProtocol;
import dev.dstack.model.agent.TaskInfo;
import dev.dstack.model.agent.TaskRequest;
import dev.dstack.model.json.Json;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A disk that is really full: a small one in memory, which only root may mount. */
@Timeout(120)
class AgentDiskFullTest {
  @TempDir Path directory;

  private static boolean command(String... command) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    return process.waitFor(20, TimeUnit.SECONDS) && process.exitValue() == 0;
  }

  @BeforeEach
  void mount() throws Exception {
    assumeTrue("root".equals(System.getProperty("user.name")), "needs root");
    assumeTrue(
        command("mount", "-t", "tmpfs", "-o", "size=6m", "none", directory.toString()),
        "needs the right to mount");
  }

  @AfterEach
  void unmount() throws Exception {
    command("umount", "-l", directory.toString());
  }

  @Test
  void aFullDiskIsSaidAndWhatWasWrittenIsKept() {
    try (AgentProcess agent = AgentProcess.start(directory.resolve("home"))) {
      TaskRequest talker =
          shell(
              "i=0; while :; do echo \"line-$i xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"; i=$((i+1)); done");
      agent.submit(talker);
      TaskInfo end = agent.exited(talker.id());

      assertThat(end.exit().reason().wire()).isEqualTo("executor_error");
      assertThat(end.exit().message()).contains("disk").contains("full");
      String[] lines = agent.text(talker.id()).split("\n");
      for (int i = 0; i < lines.length - 1; i++) {
        assertThat(lines[i]).startsWith("line-" + i + " ");
      }
      assertThat(lines.length).isGreaterThan(10_000);

      HttpResponse<byte[]> refused =
          agent.call("POST", "/v1/tasks", Json.strict().writeValueAsBytes(shell("echo hi")));
      assertThat(refused.statusCode()).isEqualTo(507);
      assertThat(Json.strict().readValue(refused.body(), AgentProtocol.Failure.class).kind())
          .isEqualTo("DISK_FULL");

      // The state that could not be written is found out again from the task's own marks.
      agent.kill();
      agent.launch();
      assertThat(agent.exited(talker.id()).exit().exitStatus()).isEqualTo(141);

      assertThat(agent.call("DELETE", "/v1/tasks/" + talker.id(), null).statusCode())
          .isEqualTo(204);
      AgentProcess.until(
          "there is room again", () -> directory.toFile().getUsableSpace() > 4_000_000);
      TaskRequest next = shell("echo hi");
      agent.submit(next);
      assertThat(agent.exited(next.id()).exit().exitStatus()).isZero();
      assertThat(agent.text(next.id())).isEqualTo("hi\n");
    }
  }
}
