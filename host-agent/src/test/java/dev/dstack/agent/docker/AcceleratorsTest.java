package dev.dstack.agent.docker;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.agent.host.Accelerator;
import dev.dstack.agent.host.FakeHost;
import dev.dstack.model.resources.Gpu;
import dev.dstack.model.resources.GpuVendor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** What the engine is asked to give a container of each vendor's. */
class AcceleratorsTest {
  @TempDir Path directory;
  private FakeHost host;
  private final List<Accelerator> has = new ArrayList<>();
  private final ObjectNode container = JsonNodeFactory.instance.objectNode();
  private final ObjectNode config = JsonNodeFactory.instance.objectNode();

  @BeforeEach
  void make() {
    host = new FakeHost(directory);
  }

  private void has(GpuVendor vendor, int number, String... devices) {
    host.devices(devices);
    has.add(new Accelerator(new Gpu(vendor, "x", 0), number, List.of(devices)));
  }

  private String give(EngineInfo engine, Integer... places) throws IOException {
    return new Accelerators(directory.resolve("dev"), () -> has)
        .add(container, config, List.of(places), engine);
  }

  private static EngineInfo engine(boolean nvidia, String... runtimes) {
    return new EngineInfo("20.10", "amd64", 2, Set.of(runtimes), nvidia);
  }

  private List<String> devices() {
    List<String> devices = new ArrayList<>();
    for (JsonNode device : config.path("Devices")) {
      String name = device.path("PathInContainer").asString("");
      assertThat(device.path("PathOnHost").asString("")).isEqualTo(directory + name);
      devices.add(name);
    }
    return devices;
  }

  @Test
  void whoAsksForNoneGetsNone() throws IOException {
    has(GpuVendor.AMD, 0, "dri/renderD128");

    assertThat(give(engine(true))).isEmpty();
    assertThat(config.isEmpty()).isTrue();
  }

  @Test
  void nvidiasByTheirToolkit() throws IOException {
    assertThat(give(engine(true, "nvidia"), 1, 3)).isEmpty();

    assertThat(config.path("DeviceRequests").path(0).path("DeviceIDs").toString())
        .isEqualTo("[\"1\",\"3\"]");
    assertThat(devices()).isEmpty();
  }

  @Test
  void nvidiasAsPlainDevices() throws IOException {
    has(GpuVendor.NVIDIA, 0, "nvidia0");
    has(GpuVendor.NVIDIA, 1, "nvidia2");
    host.devices("nvidiactl", "nvidia-uvm");

    assertThat(give(engine(false), 1)).isEmpty();
    assertThat(devices()).containsExactly("/dev/nvidia2", "/dev/nvidiactl", "/dev/nvidia-uvm");
  }

  @Test
  void amdsWithTheGroupsOfTheirDevices() throws IOException {
    has(GpuVendor.AMD, 0, "dri/renderD129", "dri/card2");
    has(GpuVendor.AMD, 1, "dri/renderD128", "dri/card1");
    host.devices("kfd");

    assertThat(give(engine(true, "nvidia"), 0)).isEmpty();
    assertThat(devices()).containsExactly("/dev/kfd", "/dev/dri/renderD129", "/dev/dri/card2");
    Object group = Files.getAttribute(directory.resolve("dev/kfd"), "unix:gid");
    assertThat(config.path("GroupAdd").toString()).isEqualTo("[\"" + group + "\"]");
    assertThat(config.path("CapAdd").toString()).isEqualTo("[\"SYS_PTRACE\"]");
  }

  @Test
  void gaudisByTheirRuntimeOrAsPlainDevices() throws IOException {
    has(GpuVendor.INTEL, 3, "accel/accel3", "accel/accel_controlD3");
    has(GpuVendor.INTEL, 1, "accel/accel1", "accel/accel_controlD1");

    assertThat(give(engine(false, "habana"), 0, 1)).isEmpty();
    assertThat(config.path("Runtime").asString("")).isEqualTo("habana");
    assertThat(container.path("Env").toString()).isEqualTo("[\"HABANA_VISIBLE_DEVICES=3,1\"]");
    assertThat(devices()).isEmpty();

    assertThat(give(engine(false), 1)).isEmpty();
    assertThat(devices()).containsExactly("/dev/accel/accel1", "/dev/accel/accel_controlD1");
  }

  @Test
  void tenstorrentsWithTheirPages() throws IOException {
    has(GpuVendor.TENSTORRENT, 0, "tenstorrent/0");
    has(GpuVendor.TENSTORRENT, 1, "tenstorrent/1");
    host.write("dev/hugepages-1G/.keep", "");

    assertThat(give(engine(false), 1)).isEmpty();
    assertThat(devices()).containsExactly("/dev/tenstorrent/1");
    assertThat(config.path("Mounts").path(0).path("Target").asString(""))
        .isEqualTo("/dev/hugepages-1G");
  }

  @Test
  void aTpuWithAllItsChips() throws IOException {
    has(GpuVendor.GOOGLE, 0, "vfio/7", "vfio/9");
    host.devices("vfio/vfio");

    assertThat(give(engine(false), 0)).isEmpty();
    assertThat(devices()).containsExactly("/dev/vfio/vfio", "/dev/vfio/7", "/dev/vfio/9");
    assertThat(container.path("Env").toString()).isEqualTo("[\"PJRT_DEVICE=TPU\"]");
    assertThat(config.path("Ulimits").path(0).path("Name").asString("")).isEqualTo("memlock");
    assertThat(config.has("Privileged")).isFalse();
  }

  @Test
  void whatTheHostDoesNotHaveIsSaid() throws IOException {
    has(GpuVendor.AMD, 0, "dri/renderD128");

    assertThat(give(engine(false), 1)).contains("no accelerator with the index 1");
    assertThat(give(engine(false), 0)).contains("no device " + directory.resolve("dev/kfd"));
  }
}
