package dev.dstack.workflows.fleet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.dstack.model.fleet.Sharing;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.json.Json;
import dev.dstack.model.offer.Availability;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.offer.Requirements;
import dev.dstack.model.resources.CpuArch;
import dev.dstack.model.resources.Gpu;
import dev.dstack.model.resources.GpuVendor;
import dev.dstack.model.resources.Resources;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

/** What a job pays for of its instance. */
class PlacementTest {
  private static final Offset<Double> EXACTLY = within(1e-9);
  private static final Gpu GPU = new Gpu(GpuVendor.NVIDIA, "T4", 16 * 1024);

  /** Of $8 an hour. */
  private static Offer offer(Gpu... gpus) {
    Resources all = new Resources(CpuArch.X86, 8, 32 * 1024, 1024, List.of(gpus), false);
    return new Offer(BackendType.SCRIPTED, "box", "here", all, 8, Availability.AVAILABLE, Map.of());
  }

  private static Placement placement(Offer offer, Resources taken, int blocks, int total) {
    Placement whole =
        Placement.whole(
            new JobId(UUID.randomUUID()),
            new InstanceId(UUID.randomUUID()),
            "f-0",
            0,
            new FleetRef(new FleetId(UUID.randomUUID()), "main", "f"),
            offer);
    return new Placement(
        whole.job(),
        whole.instance(),
        whole.instanceName(),
        whole.instanceNum(),
        whole.fleet(),
        offer,
        taken,
        blocks,
        total,
        null,
        List.of(),
        null);
  }

  @Test
  void ofAnEntireInstanceAll() {
    assertThat(placement(offer(GPU), offer(GPU).resources(), 1, 1).price()).isEqualTo(8);
    assertThat(placement(offer(), offer().resources(), 1, 1).price()).isEqualTo(8);
  }

  @Test
  void ofBlocksTheirNumber() {
    assertThat(placement(offer(), offer().resources(), 3, 4).price()).isCloseTo(6, EXACTLY);
  }

  @Test
  void ofWhatWasAskedForTheMeanOfItsPartsSoThatNobodyPaysTwice() {
    Offer box = offer(GPU, GPU);
    Capacity capacity = new Capacity(new Sharing.ByRequest(), box);
    double paid = 0;
    for (int i = 0; i < 8; i++) {
      Requirements one = Requirements.atLeast(1, 4 * 1024, 1);
      Capacity.Fit.Fits fits = (Capacity.Fit.Fits) capacity.fit(one, false);
      capacity.take(fits.share());
      double price = placement(box, fits.share().taken(), 1, 1).price();
      assertThat(price).isCloseTo(8 * (0.125 + 0.125 + 0) / 3, EXACTLY);
      paid += price;
    }
    assertThat(paid).as("nobody has the accelerators").isLessThan(8);
  }

  @Test
  void itsPriceIsNoPartOfHistories() {
    Placement some = placement(offer(), offer().resources(), 1, 2);
    String json = Json.lenient().writeValueAsString(some);
    assertThat(Json.lenient().readTree(json).has("price")).isFalse();
    assertThat(Json.lenient().readValue(json, Placement.class)).isEqualTo(some);
  }
}
