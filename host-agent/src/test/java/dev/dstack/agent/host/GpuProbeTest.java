package dev.dstack.agent.host;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.resources.Gpu;
import dev.dstack.model.resources.GpuVendor;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Recognizing accelerators by what the tools and kernels of such hosts say. */
class GpuProbeTest {
  @TempDir Path directory;
  private FakeHost host;

  @BeforeEach
  void make() {
    host = new FakeHost(directory);
  }

  private List<Accelerator> found() {
    return host.probe().accelerators();
  }

  private static Accelerator one(
      GpuVendor vendor, String name, int mib, int number, String... devices) {
    return new Accelerator(new Gpu(vendor, name, mib), number, List.of(devices));
  }

  // --- NVIDIA ------------------------------------------------------------------------------------

  @Test
  void nvidiasTableIsRead() {
    host.tool(
        "nvidia-smi",
        """
        pci.bus_id, memory.total [MiB], name
        00000000:1B:00.0, 81559 MiB, NVIDIA H100 80GB HBM3
        00000000:43:00.0, 81559 MiB, NVIDIA H100 80GB HBM3
        00000000:52:00.0, 15360 MiB, Tesla T4
        """);
    host.write("proc/driver/nvidia/gpus/0000:43:00.0/information", "Device Minor: \t 2\n");
    host.write("proc/driver/nvidia/gpus/0000:52:00.0/information", "Device Minor: \t 1\n");

    assertThat(found())
        .containsExactly(
            one(GpuVendor.NVIDIA, "H100", 81559, 0, "nvidia0"),
            one(GpuVendor.NVIDIA, "H100", 81559, 1, "nvidia2"),
            one(GpuVendor.NVIDIA, "T4", 15360, 2, "nvidia1"));
  }

  @Test
  void theDriverIsTheOneThatTheKernelHasLoaded() {
    assertThat(GpuDriver.of(host.probe())).isEmpty();
    host.tool("nvidia-smi", "00000000:1B:00.0, 81559 MiB, NVIDIA H100 80GB HBM3\n");
    host.write(
        "proc/driver/nvidia/version",
        """
        NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.15  Release Build
        GCC version:  gcc version 12.3.0
        """);
    assertThat(GpuDriver.of(host.probe())).contains("550.54.15");
    host.write(
        "proc/driver/nvidia/version",
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC\n");
    assertThat(GpuDriver.of(host.probe())).contains("535.104.05");
    host.write("proc/driver/nvidia/version", "nothing that is known\n");
    host.write("sys/module/nvidia/version", "570.1\n");
    assertThat(GpuDriver.of(host.probe())).contains("570.1");
  }

  @ParameterizedTest
  @CsvSource({
    "''",
    "'NVIDIA-SMI has failed because it couldn''t talk, really, sorry'",
    "'pci.bus_id, memory.total [MiB], name'",
    "'00000000:01:00.0, [N/A], X'",
  })
  void whatIsNoTableIsNoAccelerator(String said) {
    host.tool("nvidia-smi", said + "\n");

    assertThat(found()).isEmpty();
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
    assertThat(NvidiaGpus.shortName(model)).isEqualTo(name);
  }

  @Test
  void nvidiasDriverIsTheFallBack() {
    host.write(
        "proc/driver/nvidia/gpus/0000:00:1e.0/information",
        "Model: \t\t Tesla T4\nIRQ: 10\nDevice Minor: \t 0\n");

    assertThat(found()).containsExactly(one(GpuVendor.NVIDIA, "T4", 0, 0, "nvidia0"));
  }

  // --- AMD ---------------------------------------------------------------------------------------

  /** The kernel numbers the second card first. */
  private FakeHost twoMi300x() {
    return host.devices("kfd")
        .amd("0000:05:00.0", "0x74a1", 129, 2)
        .amd("0000:26:00.0", "0x74a1", 128, 1);
  }

  private void areTwoMi300x() {
    assertThat(found())
        .containsExactly(
            one(GpuVendor.AMD, "MI300X", 196_592, 0, "dri/renderD129", "dri/card2"),
            one(GpuVendor.AMD, "MI300X", 196_592, 1, "dri/renderD128", "dri/card1"));
  }

  @Test
  void amdSmiOfRelease6() {
    twoMi300x()
        .tool(
            "amd-smi",
            "static --json --asic --vram --bus",
            """
            [
                {
                    "gpu": 0,
                    "asic": {
                        "market_name": "AMD Instinct MI300X",
                        "vendor_id": "0x1002",
                        "vendor_name": "Advanced Micro Devices Inc. [AMD/ATI]",
                        "device_id": "0x74a1",
                        "rev_id": "0x00",
                        "oam_id": 7
                    },
                    "bus": {
                        "bdf": "0000:05:00.0",
                        "max_pcie_width": 16,
                        "max_pcie_speed": {"value": 32, "unit": "GT/s"},
                        "slot_type": "OAM"
                    },
                    "vram": {
                        "type": "HBM3",
                        "vendor": "N/A",
                        "size": {"value": 196592, "unit": "MB"}
                    }
                },
                {
                    "gpu": 1,
                    "asic": {"market_name": "MI300X-O"},
                    "bus": {"bdf": "0000:26:00.0"},
                    "vram": {"type": "HBM3", "size": {"value": 196592, "unit": "MB"}}
                }
            ]
            """);

    areTwoMi300x();
  }

  @Test
  void amdSmiOfRelease7() {
    twoMi300x()
        .tool(
            "amd-smi",
            "static",
            """
            [WARN] User is missing the following required groups: render, video.
            {
                "gpu_data": [
                    {
                        "gpu": 0,
                        "asic": {"market_name": "N/A", "device_id": "0x74a1"},
                        "bus": {"bdf": "0000:05:00.0"},
                        "vram": {"type": "HBM3", "size": {"value": 196592, "unit": "MB"}}
                    },
                    {
                        "gpu": 1,
                        "asic": {"market_name": "AMD Instinct MI300X OAM"},
                        "bus": {"bdf": "0000:26:00.0"},
                        "vram": {"type": "HBM3", "size": {"value": 196592, "unit": "MB"}}
                    }
                ]
            }
            """);

    areTwoMi300x();
  }

  @Test
  void rocmSmiWhereThereIsNoOther() {
    twoMi300x()
        .tool(
            "rocm-smi",
            """
            {
              "card0": {
                "VRAM Total Memory (B)": "206141652992",
                "VRAM Total Used Memory (B)": "297000960",
                "PCI Bus": "0000:05:00.0",
                "Card Series": "AMD Instinct MI300X",
                "Card Model": "0x74a1",
                "Card Vendor": "Advanced Micro Devices, Inc. [AMD/ATI]",
                "GFX Version": "gfx942"
              },
              "card1": {
                "VRAM Total Memory (B)": "206141652992",
                "PCI Bus": "0000:26:00.0",
                "Card series": "Aqua Vanjaram [AMD Instinct MI300X]"
              },
              "system": {"Driver version": "6.10.5"}
            }
            """);

    areTwoMi300x();
  }

  @Test
  void amdsKernelWhereThereIsNoTool() {
    twoMi300x();
    for (String address : List.of("0000:05:00.0", "0000:26:00.0")) {
      host.write("sys/bus/pci/devices/" + address + "/mem_info_vram_total", "206141652992\n");
    }

    areTwoMi300x();
  }

  @ParameterizedTest
  @CsvSource({
    "AMD Instinct MI250X / MI250, MI250X",
    "AMD INSTINCT MI250 (MCM) OAM AC MBA, MI250",
    "AMD Instinct MI325X, MI325X",
    "Arcturus GL-XL [AMD Instinct MI100], MI100",
    "AMD Radeon RX 7900 XTX, AMD Radeon RX 7900 XTX",
  })
  void namesOfAmdsCards(String market, String name) {
    host.devices("kfd").amd("0000:03:00.0", "0x744c", 128, 0);
    host.write("sys/bus/pci/devices/0000:03:00.0/product_name", market + "\n");

    assertThat(found()).extracting(gpu -> gpu.gpu().name()).containsExactly(name);
  }

  @Test
  void aCardWithoutANodeCanBeGivenToNobody() {
    host.devices("kfd")
        .amd("0000:05:00.0", "0x74a1", 128, 1)
        .tool(
            "amd-smi",
            """
            [{"gpu": 0, "asic": {"market_name": "MI300X"}, "bus": {"bdf": "0000:04:00.0"}},
             {"gpu": 1, "asic": {"market_name": "MI300X"}, "bus": {"bdf": "0000:05:00.0"}}]
            """);

    assertThat(found())
        .containsExactly(one(GpuVendor.AMD, "MI300X", 0, 1, "dri/renderD128", "dri/card1"));
  }

  // --- Intel Gaudi -------------------------------------------------------------------------------

  private FakeHost twoGaudi() {
    return host.accel("0000:19:00.0", "0x1da3", "0x1020", 0)
        .accel("0000:b3:00.0", "0x1da3", "0x1020", 1)
        .devices("accel/accel_controlD0", "accel/accel_controlD1");
  }

  @Test
  void gaudisAreInTheOrderOfTheirModules() {
    twoGaudi()
        .tool(
            "hl-smi",
            "--query-aip=index,module_id,bus_id,memory.total,name --format=csv,noheader,nounits",
            "0, 5, 0000:b3:00.0, 98304, HL-225\n1, 2, 0000:19:00.0, 98304, HL-225\n");

    assertThat(found())
        .containsExactly(
            one(GpuVendor.INTEL, "Gaudi2", 98_304, 1, "accel/accel0", "accel/accel_controlD0"),
            one(GpuVendor.INTEL, "Gaudi2", 98_304, 0, "accel/accel1", "accel/accel_controlD1"));
  }

  @Test
  void anOlderToolKnowsNoModules() {
    twoGaudi()
        .tool(
            "hl-smi",
            "--query-aip=index,memory.total,name",
            "0, 131072, HL-325L\n1, 32768, HL-205\n");

    assertThat(found())
        .containsExactly(
            one(GpuVendor.INTEL, "Gaudi3", 131_072, 0, "accel/accel0", "accel/accel_controlD0"),
            one(GpuVendor.INTEL, "Gaudi", 32_768, 1, "accel/accel1", "accel/accel_controlD1"));
  }

  @Test
  void withoutAToolTheKernelTellsWhatGaudiItIs() {
    twoGaudi();

    assertThat(found())
        .extracting(gpu -> gpu.gpu())
        .containsOnly(new Gpu(GpuVendor.INTEL, "Gaudi2", 98_304))
        .hasSize(2);
  }

  @Test
  void anotherMakersAcceleratorIsNoGaudi() {
    host.accel("0000:00:0b.0", "0x8086", "0x7d1d", 0)
        .tool("hl-smi", "0, 0, 0000:00:0b.0, 98304, HL-225\n");

    assertThat(found()).isEmpty();
  }

  // --- Tenstorrent -------------------------------------------------------------------------------

  private static String chip(String bus, String type, String board) {
    return """
        {
          "smbus_telem": {"BOARD_ID": "0x%3$s"},
          "board_info": {
            "bus_id": "%1$s",
            "board_type": "%2$s",
            "board_id": "%3$s",
            "coords": "(1, 0, 0, 0)",
            "dram_status": true,
            "dram_speed": "12G",
            "pcie_speed": 4,
            "pcie_width": "16"
          },
          "telemetry": {"voltage": "0.80", "aiclk": " 500"}
        }
        """
        .formatted(bus, type, board);
  }

  private static String snapshot(String... chips) {
    return """
        {
          "time": "2025-06-11T03:37:23.927792",
          "host_info": {"OS": "Linux", "Driver": "TT-KMD 1.34"},
          "host_sw_vers": {"tt_smi": "3.0.20", "pyluwen": "0.7.2"},
          "device_info": [%s]
        }
        """
        .formatted(String.join(",", chips));
  }

  @Test
  void aBoardOfTwoChipsIsOneAccelerator() {
    host.tenstorrent("0000:01:00.0", "n300", 0)
        .tenstorrent("0000:c1:00.0", "n300", 1)
        .tool(
            "tt-smi",
            "-s",
            snapshot(
                chip("0000:c1:00.0", "n300 L", "10001451172208f"),
                chip("0000:01:00.0", "n300 L", "100014511722053"),
                chip("N/A", "n300 R", "10001451172208f"),
                chip("N/A", "n300 R", "100014511722053")));

    assertThat(found())
        .containsExactly(
            one(GpuVendor.TENSTORRENT, "n300", 24_576, 0, "tenstorrent/0"),
            one(GpuVendor.TENSTORRENT, "n300", 24_576, 1, "tenstorrent/1"));
  }

  @Test
  void revisionsOfABoardAreOneModel() {
    host.devices("tenstorrent/0", "tenstorrent/1", "tenstorrent/2")
        .tool(
            "tt-smi",
            snapshot(
                chip("0000:01:00.0", "p150b", "000004123191110e"),
                chip("0000:03:00.0", "p300a", "000004513190f004"),
                chip("0000:04:00.0", "p300a", "000004513190f004")));

    assertThat(found())
        .containsExactly(
            one(GpuVendor.TENSTORRENT, "p150", 32_768, 0, "tenstorrent/0"),
            one(GpuVendor.TENSTORRENT, "p300", 32_768, 1, "tenstorrent/1"),
            one(GpuVendor.TENSTORRENT, "p300", 32_768, 2, "tenstorrent/2"));
  }

  @Test
  void withoutAToolTheKernelTellsWhatBoardItIs() {
    host.tenstorrent("0000:01:00.0", "n150", 0).tenstorrent("0000:02:00.0", "n300s", 1);

    assertThat(found())
        .containsExactly(
            one(GpuVendor.TENSTORRENT, "n150", 12_288, 0, "tenstorrent/0"),
            one(GpuVendor.TENSTORRENT, "n300", 24_576, 1, "tenstorrent/1"));
  }

  // --- Google TPU --------------------------------------------------------------------------------

  @Test
  void allChipsOfATpuAreOneAccelerator() {
    for (int chip = 0; chip < 4; chip++) {
      host.pci("0000:00:0" + (4 + chip) + ".0", "0x1ae0", "0x005e").devices("accel" + chip);
    }

    assertThat(found())
        .containsExactly(
            one(GpuVendor.GOOGLE, "v4-8", 131_072, 0, "accel0", "accel1", "accel2", "accel3"));
  }

  @Test
  void newerTpusAreReachedByVfio() {
    host.pci("0000:00:04.0", "0x1ae0", "0x006f")
        .vfio("0000:00:04.0", 7)
        .pci("0000:00:05.0", "0x1ae0", "0x006f")
        .vfio("0000:00:05.0", 9)
        .devices("vfio/vfio", "vfio/3");

    assertThat(found())
        .containsExactly(one(GpuVendor.GOOGLE, "v6e-2", 65_536, 0, "vfio/7", "vfio/9"));
  }

  @Test
  void googlesNetworkCardIsNoTpu() {
    host.pci("0000:00:04.0", "0x1ae0", "0x0042").devices("accel0");

    assertThat(found()).isEmpty();
  }

  // --- several -----------------------------------------------------------------------------------

  @Test
  void aProcessorsOwnGpuDoesNotHideACard() {
    host.devices("kfd")
        .amd("0000:c4:00.0", "0x15bf", 128, 0)
        .tool(
            "nvidia-smi",
            "pci.bus_id, memory.total [MiB], name\n00000000:01:00.0, 24564 MiB, NVIDIA GeForce RTX 4090\n");

    assertThat(found()).extracting(gpu -> gpu.gpu().name()).containsExactly("RTX4090");
  }

  @Test
  void aHostWithoutAnyHasNone() {
    assertThat(found()).isEmpty();
  }
}
