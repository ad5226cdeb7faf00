package dev.dstack.workflows.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.offer.Availability;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.resources.CpuArch;
import dev.dstack.model.resources.Resources;
import dev.dstack.workflows.fleet.FleetAnswer.Refusal;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RefusalsTest {
  @Test
  void thoseThatShareAReasonAreOneLine() {
    Refusals refusals = new Refusals();
    for (int i = 0; i < 1_000; i++) {
      refusals.add("instance", "fleet-" + i, "is busy");
    }
    refusals.add("instance", "fleet-1000", "is unreachable");

    assertThat(refusals.list())
        .containsExactly(
            new Refusal("instances fleet-0, fleet-1, fleet-2 and 997 more", "is busy"),
            new Refusal("instance fleet-1000", "is unreachable"));
  }

  @Test
  void thoseThatLackTheSameAreOneLineWhateverTheyHave() {
    Refusals refusals = new Refusals();
    for (int cpus = 1; cpus < 6; cpus++) {
      refusals.add(offer("t." + cpus, cpus * 0.5), "cpu: has " + cpus + ", asked 16..");
    }

    assertThat(refusals.list())
        .containsExactly(
            new Refusal(
                "offers aws eu-1 t.1 $0.50, aws eu-1 t.2 $1.00, aws eu-1 t.3 $1.50 and 2 more",
                "cpu: has 1 or 2 or 3 or another, asked 16.."));

    Refusals free = new Refusals();
    free.add("instance", "fleet-0", "cpus: 1 free, asked 4");
    free.add("instance", "fleet-1", "cpus: 2 free, asked 4");
    assertThat(free.list())
        .containsExactly(new Refusal("instances fleet-0, fleet-1", "cpus: 1 or 2 free, asked 4"));
  }

  @Test
  void aListStaysShortAndSaysWhatItLeavesOut() {
    Refusals refusals = new Refusals();
    for (int i = 0; i < 100; i++) {
      refusals.add("instance", "fleet-" + i, "reason " + i);
    }
    List<Refusal> list = refusals.list();

    assertThat(list).hasSize(Refusals.MAX_LINES);
    assertThat(list.getLast()).isEqualTo(new Refusal("81 more", "for other reasons"));
    assertThat(Refusals.all(list, list)).hasSize(Refusals.MAX_LINES);
    assertThat(Refusals.all(list, list).getLast())
        .isEqualTo(new Refusal("21 more", "for other reasons"));
  }

  @Test
  void anOfferSaysWhatItIs() {
    assertThat(Refusals.label(offer("g5.xlarge", 1.006))).isEqualTo("aws eu-1 g5.xlarge $1.006");
    assertThat(Refusals.label(offer("p5.48xlarge", 55.04)))
        .isEqualTo("aws eu-1 p5.48xlarge $55.04");
    assertThat(Refusals.label(offer("free", 0))).isEqualTo("aws eu-1 free $0.00");
  }

  private static Offer offer(String type, double price) {
    return new Offer(
        new BackendType("aws"),
        type,
        "eu-1",
        new Resources(CpuArch.X86, 2, 1024, 0, List.of(), false),
        price,
        Availability.UNKNOWN,
        Map.of());
  }
}
