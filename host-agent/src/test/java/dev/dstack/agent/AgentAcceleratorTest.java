package dev.dstack.agent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.agent.host.FakeHost;
import dev.dstack.model.agent.TaskInfo;
import dev.dstack.model.agent.TaskMetrics.GpuUse;
import dev.dstack.model.agent.TaskRequest;
import dev.dstack.model.resources.Gpu;
import dev.dstack.model.resources.GpuVendor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;

/** An agent on hosts with accelerators, and what its containers find of them. */
@Tag("docker")
@EnabledIfEnvironmentVariable(
    named = "DSTACK_TEST_DOCKER",
    matches = "1",
    disabledReason = "needs a Docker Engine of the tests' own (infra/scripts/docker.sh)")
@Timeout(180)
class AgentAcceleratorTest {
  private static final Docker DOCKER = Docker.ofTests();
  private static final long MIB = 1024 * 1024;

  @TempDir Path directory;
  private FakeHost host;

  @BeforeAll
  static void image() {
    DOCKER.busybox();
  }

  @BeforeEach
  void make() {
    host = FakeHost.forContainers(directory.resolve("host"));
  }

  @AfterEach
  void remove() throws IOException {
    Durable.removeTree(host.root().resolve("dev"));
  }

  private AgentProcess agent() {
    return AgentProcess.start(
        directory.resolve("home"),
        DOCKER.options(),
        Map.of("PATH", host.bin() + ":" + System.getenv("PATH")),
        "-Ddstack.agent.root=" + host.root());
  }

  private static String output(AgentProcess agent, TaskRequest request) {
    agent.submit(request);
    TaskInfo info = agent.exited(request.id());
    assertThat(info.exit().exitStatus()).as("%s", info.exit()).isZero();
    return agent.text(request.id());
  }

  @Test
  void ofAmd() {
    host.devices("kfd")
        .amd("0000:05:00.0", "0x74a1", 129, 2)
        .amd("0000:26:00.0", "0x74a1", 128, 1)
        .tool(
            "amd-smi",
            "static",
            """
            [
              {"gpu": 0, "asic": {"market_name": "AMD Instinct MI300X"},
               "bus": {"bdf": "0000:05:00.0"}, "vram": {"size": {"value": 196592, "unit": "MB"}}},
              {"gpu": 1, "asic": {"market_name": "AMD Instinct MI300X"},
               "bus": {"bdf": "0000:26:00.0"}, "vram": {"size": {"value": 196592, "unit": "MB"}}}
            ]
            """)
        .tool(
            "amd-smi",
            "monitor",
            "gpu,gfx,gfx_clock,vram_used,vram_total\n0,10,132,283,196592\n1,97,2100,96592,196592\n");
    try (AgentProcess agent = agent()) {
      Gpu card = new Gpu(GpuVendor.AMD, "MI300X", 196_592);
      assertThat(agent.info().resources().gpus()).containsExactly(card, card);

      TaskRequest second =
          Containers.shell("cd /dev && ls kfd dri/*; while sleep 1; do :; done").gpus(1).request();
      agent.submit(second);
      AgentProcess.until(
          "the container has looked", () -> agent.text(second.id()).contains("renderD"));
      assertThat(agent.text(second.id())).isEqualTo("dri/card1\ndri/renderD128\nkfd\n");
      AgentProcess.until(
          "its use can be measured",
          () ->
              agent.call("GET", "/v1/tasks/" + second.id() + "/metrics", null).statusCode() == 200);
      assertThat(agent.metrics(second.id()).gpus())
          .containsExactly(new GpuUse(1, 96_592 * MIB, 196_592 * MIB, 97));
    }
  }

  @Test
  void ofIntel() {
    host.accel("0000:19:00.0", "0x1da3", "0x1020", 0)
        .accel("0000:b3:00.0", "0x1da3", "0x1020", 1)
        .devices("accel/accel_controlD0", "accel/accel_controlD1")
        .tool("hl-smi", "0, 0, 0000:19:00.0, 98304, HL-225\n1, 1, 0000:b3:00.0, 98304, HL-225\n");
    try (AgentProcess agent = agent()) {
      Gpu card = new Gpu(GpuVendor.INTEL, "Gaudi2", 98_304);
      assertThat(agent.info().resources().gpus()).containsExactly(card, card);
      assertThat(
              output(
                  agent,
                  Containers.shell("echo $HABANA_VISIBLE_DEVICES; cd /dev/accel && ls")
                      .gpus(1)
                      .request()))
          .isEqualTo("1\naccel1\naccel_controlD1\n");
    }
  }

  @Test
  void ofTenstorrent() {
    host.tenstorrent("0000:01:00.0", "n150", 0).tenstorrent("0000:02:00.0", "n150", 1);
    try (AgentProcess agent = agent()) {
      Gpu board = new Gpu(GpuVendor.TENSTORRENT, "n150", 12_288);
      assertThat(agent.info().resources().gpus()).isEqualTo(List.of(board, board));
      assertThat(output(agent, Containers.shell("cd /dev/tenstorrent && ls").gpus(0, 1).request()))
          .isEqualTo("0\n1\n");
    }
  }
}
