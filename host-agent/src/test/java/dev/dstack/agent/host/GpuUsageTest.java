package dev.dstack.agent.host;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.agent.TaskMetrics.GpuUse;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GpuUsageTest {
  private static final long MIB = 1024 * 1024;

  @TempDir Path directory;
  private FakeHost host;

  @BeforeEach
  void make() {
    host = new FakeHost(directory);
  }

  private List<GpuUse> of(Integer... places) {
    return new GpuUsage(host.probe()).in(List.of(places));
  }

  @Test
  void aCardThatDoesNotTellIsNotIdle() {
    host.tool(
            "nvidia-smi",
            "pci.bus_id",
            """
            pci.bus_id, memory.total [MiB], name
            00000000:1B:00.0, 81559 MiB, NVIDIA H100 80GB HBM3
            00000000:43:00.0, 81559 MiB, NVIDIA H100 80GB HBM3
            00000000:52:00.0, 81559 MiB, NVIDIA H100 80GB HBM3
            """)
        .tool(
            "nvidia-smi",
            "utilization.gpu",
            "0, 1234, 81559, 37\n1, 5, 81559, [N/A]\n2, 7, 81559, 0\n");

    assertThat(of(0, 2))
        .containsExactly(
            new GpuUse(0, 1234 * MIB, 81_559 * MIB, 37), new GpuUse(2, 7 * MIB, 81_559 * MIB, 0));
    assertThat(of(0, 1)).isEmpty();
    assertThat(of()).isEmpty();
  }

  /** Of ROCm 6.3 and 6.4. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "gpu,gfx,gfx_clock,vram_used,vram_total\n0,10,132,283,196300\n1,100,2100,1000,196300\n",
        "gpu,gfx_clk,gfx,vram_used,vram_free,vram_total,vram_percent\n"
            + "0,132,10,283,196017,196300,0.1\n1,2100,100,1000,195300,196300,0.5\n"
      })
  void amdsColumnsAreFoundByTheirNames(String csv) {
    twoAmd().tool("amd-smi", "monitor -v -u --csv", csv);

    assertThat(of())
        .containsExactly(
            new GpuUse(0, 283 * MIB, 196_300 * MIB, 10),
            new GpuUse(1, 1000 * MIB, 196_300 * MIB, 100));
  }

  private FakeHost twoAmd() {
    return host.devices("kfd")
        .amd("0000:05:00.0", "0x74a1", 128, 1)
        .amd("0000:26:00.0", "0x74a1", 129, 2);
  }

  @Test
  void anAmdCardThatDoesNotTellIsLeftOut() {
    twoAmd()
        .tool(
            "amd-smi",
            "monitor",
            "gpu,gfx,gfx_clock,vram_used,vram_total\n0,N/A,N/A,283,196300\n1,3,9,5,196300\n");

    assertThat(of(1)).containsExactly(new GpuUse(1, 5 * MIB, 196_300 * MIB, 3));
    assertThat(of(0)).isEmpty();
  }

  @Test
  void amdsDriverTellsWhereThereIsNoTool() {
    twoAmd();
    String second = "sys/bus/pci/devices/0000:26:00.0/";
    host.write(second + "mem_info_vram_used", "1048576\n")
        .write(second + "mem_info_vram_total", "4194304\n")
        .write(second + "gpu_busy_percent", "64\n");

    assertThat(of(1)).containsExactly(new GpuUse(1, MIB, 4 * MIB, 64));
  }

  @Test
  void gaudisAreCountedAsTheyAreOffered() {
    host.accel("0000:19:00.0", "0x1da3", "0x1020", 0)
        .accel("0000:b3:00.0", "0x1da3", "0x1020", 1)
        .tool(
            "hl-smi",
            "module_id",
            "0, 5, 0000:b3:00.0, 98304, HL-225\n1, 2, 0000:19:00.0, 98304, HL-225\n")
        .tool("hl-smi", "utilization.aip", "0, 768, 98304, 12 %\n1, 96000, 98304, 99 %\n");

    assertThat(of())
        .containsExactly(
            new GpuUse(0, 96_000 * MIB, 98_304 * MIB, 99),
            new GpuUse(1, 768 * MIB, 98_304 * MIB, 12));
  }

  @Test
  void othersTellNothing() {
    host.tenstorrent("0000:01:00.0", "n150", 0);

    assertThat(of()).isEmpty();
  }
}
