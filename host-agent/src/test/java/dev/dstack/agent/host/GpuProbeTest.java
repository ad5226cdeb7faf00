package dev.dstack.agent.host;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.resources.Gpu;
import dev.dstack.model.resources.GpuVendor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GpuProbeTest {
  @Test
  void theToolsTableIsRead() {
    String csv =
        """
        name, memory.total [MiB]
        NVIDIA H100 80GB HBM3, 81559 MiB
        NVIDIA H100 80GB HBM3, 81559 MiB
        Tesla T4, 15360 MiB
        """;

    assertThat(GpuProbe.parseNvidiaSmi(csv))
        .containsExactly(
            new Gpu(GpuVendor.NVIDIA, "H100", 81559),
            new Gpu(GpuVendor.NVIDIA, "H100", 81559),
            new Gpu(GpuVendor.NVIDIA, "T4", 15360));
  }

  @Test
  void whatIsNoTableIsNoAccelerator() {
    assertThat(GpuProbe.parseNvidiaSmi("")).isEmpty();
    assertThat(GpuProbe.parseNvidiaSmi("NVIDIA-SMI has failed because it couldn't talk, sorry"))
        .isEmpty();
    assertThat(GpuProbe.parseNvidiaSmi("name, memory.total [MiB]\n")).isEmpty();
    assertThat(GpuProbe.parseNvidiaSmi("X, [N/A]\n")).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "NVIDIA H200, H200",
    "NVIDIA A100-SXM4-80GB, A100",
    "NVIDIA A100 80GB PCIe, A100",
    "NVIDIA L40S, L40S",
    "NVIDIA GeForce RTX 4090, RTX4090",
    "NVIDIA GeForce RTX 3080 Ti, RTX3080Ti",
    "NVIDIA RTX 6000 Ada Generation, RTX6000Ada",
    "Tesla V100-SXM2-16GB, V100",
    "NVIDIA GH200 480GB, GH200",
  })
  void namesAreDstacks(String model, String name) {
    assertThat(GpuProbe.shortName(model)).isEqualTo(name);
  }

  @Test
  void theDriverIsTheFallBack(@TempDir Path driver) throws IOException {
    Path card = Files.createDirectories(driver.resolve("0000:00:1e.0"));
    Files.writeString(card.resolve("information"), "Model: \t\t Tesla T4\nIRQ: 10\n");

    assertThat(GpuProbe.byDriver(driver)).containsExactly(new Gpu(GpuVendor.NVIDIA, "T4", 0));
    assertThat(GpuProbe.byDriver(driver.resolve("none"))).isEmpty();
  }
}
