package dev.dstack.activities.agent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.offer.Availability;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.resources.CpuArch;
import dev.dstack.model.resources.Gpu;
import dev.dstack.model.resources.GpuVendor;
import dev.dstack.model.resources.Resources;
import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.fleet.Placement;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class GpuPinsTest {
  private static final Gpu NVIDIA = new Gpu(GpuVendor.NVIDIA, "A100", 40_960);
  private static final Gpu AMD = new Gpu(GpuVendor.AMD, "MI300X", 196_608);

  static Placement placement(List<Gpu> has, Integer... taken) {
    Resources all = new Resources(CpuArch.X86, 8, 32_768, 100_000, has, false);
    Resources part = new Resources(CpuArch.X86, 1.5, 2_048, 0, List.of(), false);
    return new Placement(
        new JobId(UUID.randomUUID()),
        new InstanceId(UUID.randomUUID()),
        "local-0",
        0,
        new FleetRef(new FleetId(UUID.randomUUID()), "main", "local"),
        new Offer(BackendType.LOCAL, "local", "local", all, 0, Availability.IDLE, Map.of()),
        part,
        1,
        1,
        null,
        List.of(taken),
        null);
  }

  @Test
  void aProcessSeesWhatItsJobHas() {
    assertThat(GpuPins.variables(placement(List.of(NVIDIA, NVIDIA, NVIDIA, NVIDIA), 1, 3)))
        .containsEntry("CUDA_VISIBLE_DEVICES", "1,3")
        .containsEntry("NVIDIA_VISIBLE_DEVICES", "1,3");
  }

  @Test
  void devicesAreNumberedByVendor() {
    assertThat(GpuPins.variables(placement(List.of(NVIDIA, AMD, AMD), 2)))
        .containsEntry("CUDA_VISIBLE_DEVICES", "")
        .containsEntry("ROCR_VISIBLE_DEVICES", "1");
  }

  @Test
  void aTpuIsGivenAsAWhole() {
    Gpu tpu = new Gpu(GpuVendor.GOOGLE, "v5litepod-8", 131_072);

    assertThat(GpuPins.variables(placement(List.of(tpu), 0)))
        .isEqualTo(Map.of("PJRT_DEVICE", "TPU"));
    assertThat(GpuPins.variables(placement(List.of(tpu))))
        .isEqualTo(Map.of("TPU_VISIBLE_CHIPS", ""));
  }

  @Test
  void aHostWithoutAcceleratorsIsLeftAlone() {
    assertThat(GpuPins.variables(placement(List.of()))).isEmpty();
  }
}
