package dev.dstack.workflows.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.fleet.Sharing;
import dev.dstack.model.offer.Availability;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.offer.Requirements;
import dev.dstack.model.offer.Requirements.GpuRequirements;
import dev.dstack.model.resources.CpuArch;
import dev.dstack.model.resources.Gpu;
import dev.dstack.model.resources.GpuVendor;
import dev.dstack.model.resources.Resources;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Machines with accelerators, whoever made them, and jobs that share them. */
class CapacityTest {
  private static Capacity capacity(Sharing sharing, Gpu gpu) {
    Resources all =
        new Resources(CpuArch.X86, 32, 256 * 1024, 1024 * 1024, Collections.nCopies(4, gpu), false);
    return new Capacity(
        sharing,
        new Offer(BackendType.LOCAL, "box", "here", all, 0, Availability.AVAILABLE, Map.of()));
  }

  private static Requirements wants(GpuVendor vendor, String name, int count) {
    return new Requirements(
        null,
        1,
        null,
        1024,
        null,
        0,
        null,
        new GpuRequirements(vendor, List.of(name), count, count, null, null, null, null, null),
        null,
        null,
        List.of(),
        List.of(),
        List.of(),
        List.of(),
        null);
  }

  @ParameterizedTest
  @CsvSource({
    "NVIDIA, H100, 81559, AMD",
    "AMD, MI300X, 196592, NVIDIA",
    "INTEL, Gaudi2, 98304, AMD",
    "TENSTORRENT, n300, 24576, AMD",
  })
  void eachJobHasItsOwn(GpuVendor vendor, String name, int mib, GpuVendor other) {
    for (Sharing sharing : List.of(new Sharing.Blocks(4), new Sharing.ByRequest())) {
      Capacity capacity = capacity(sharing, new Gpu(vendor, name, mib));
      for (List<Integer> expected : List.of(List.of(0), List.of(1, 2), List.of(3))) {
        Capacity.Fit fit = capacity.fit(wants(vendor, name, expected.size()), false);
        assertThat(fit).isInstanceOf(Capacity.Fit.Fits.class);
        Capacity.Share share = ((Capacity.Fit.Fits) fit).share();
        assertThat(share.gpus()).isEqualTo(expected);
        capacity.take(share);
      }
      assertThat(capacity.fit(wants(vendor, name, 1), false)).isInstanceOf(Capacity.Fit.No.class);
      assertThat(capacity(sharing, new Gpu(vendor, name, mib)).fit(wants(other, name, 1), false))
          .isInstanceOf(Capacity.Fit.No.class);
    }
  }
}
