package dev.dstack.workflows.fleet;

import static dev.dstack.workflows.fleet.FleetBench.fill;
import static dev.dstack.workflows.fleet.FleetBench.offer;
import static dev.dstack.workflows.fleet.FleetBench.plan;
import static dev.dstack.workflows.fleet.FleetBench.release;
import static dev.dstack.workflows.fleet.FleetBench.reserve;
import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.fleet.Sharing;
import dev.dstack.model.instance.InstanceTerminationReason;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.workflows.fleet.FleetState.Slotted;
import dev.dstack.workflows.instance.InstanceReport;
import dev.dstack.workflows.support.Versions;
import dev.dstack.workflows.world.Stage;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Which machines a fleet does without, and what comes in their place. */
class FleetReplacementTest {
  private static final Offer BOX = offer("box", "here", 8, 1);

  @Test
  void anIdleMachineWithFailingAcceleratorsIsEndedAndReplaced() {
    FleetBench bench = filled(plan(BackendType.SCRIPTED, 1, 1, new Sharing.Whole(), false));
    bench.health(0, "row remapping failed");
    assertThat(bench.ends()).containsExactly(InstanceTerminationReason.ERROR);
    assertThat(bench.facts).anyMatch(fact -> fact.contains("row remapping failed"));
    bench.gone(bench.id(0));
    assertThat(bench.state.instances())
        .as("another one, within the maximum")
        .singleElement()
        .matches(slot -> slot.serial() == 1 && slot.state() == Slotted.CREATING);
  }

  @Test
  void aBusyOneKeepsItsJobAndIsReplacedWhereThereIsRoom() {
    FleetBench bench = filled(plan(BackendType.SCRIPTED, 1, 2, new Sharing.Whole(), false));
    bench.feed(reserve(1, 1, 1));
    bench.health(0, "row remapping failed");
    assertThat(bench.ends()).isEmpty();
    assertThat(bench.starts()).as("the minimum is of machines that take jobs").hasSize(1);
    fill(bench, BOX);
    bench.pass(Duration.ofDays(4));
    assertThat(bench.count(Slotted.READY)).as("nothing of the minimum is too much").isEqualTo(2);
    bench.feed(release(1));
    assertThat(bench.ends()).containsExactly(InstanceTerminationReason.ERROR);
    bench.gone(bench.id(0));
    assertThat(bench.count(Slotted.READY)).isEqualTo(1);
  }

  @Test
  void inAFullFleetTheReplacementWaitsForTheJob() {
    FleetBench bench = filled(plan(BackendType.SCRIPTED, 1, 1, new Sharing.Whole(), false));
    bench.feed(reserve(1, 1, 1));
    bench.health(0, "row remapping failed");
    assertThat(bench.starts()).isEmpty();
    bench.feed(release(1));
    assertThat(bench.ends()).containsExactly(InstanceTerminationReason.ERROR);
    bench.gone(bench.id(0));
    assertThat(bench.count(Slotted.CREATING)).isEqualTo(1);
  }

  @Test
  void whatRecoversCountsAgainAndWhatIsTooMuchGoesWithTime() {
    FleetBench bench = filled(plan(BackendType.SCRIPTED, 1, 2, new Sharing.Whole(), false));
    bench.feed(reserve(1, 1, 1));
    bench.health(0, "row remapping failed");
    fill(bench, BOX);
    bench.health(0, null);
    bench.feed(release(1));
    assertThat(bench.ends()).isEmpty();
    bench.pass(Duration.ofDays(4));
    assertThat(bench.count(Slotted.READY)).isEqualTo(1);
    assertThat(bench.count(Slotted.TERMINATING)).isEqualTo(1);
  }

  @Test
  void hostsOfOnesOwnAndOlderFleetsKeepWhatFails() {
    FleetBench hosts = new FleetBench(FleetBench.hosts("one"));
    fill(
        hosts,
        new Offer(
            BackendType.SSH,
            "instance",
            "remote",
            BOX.resources(),
            0,
            BOX.availability(),
            BOX.backendData()));
    hosts.health(0, "row remapping failed");
    assertThat(hosts.commands.stream().filter(one -> !(one instanceof FleetCommand.Answer)))
        .isEmpty();

    FleetBench old = filled(plan(BackendType.SCRIPTED, 1, 2, new Sharing.Whole(), false));
    old.logic = Versions.CAPACITY;
    old.health(0, "row remapping failed");
    assertThat(old.commands).isEmpty();
  }

  @Test
  void whatIsMadeForTheOldConfigurationIsNotWaitedFor() {
    FleetPlan larger =
        new FleetPlan(BackendType.SCRIPTED, 1, 1, 4, Stage.cpus(8), new Sharing.Whole(), null);
    Offer small = offer("small", "here", 4, 0.5);
    for (int logic : new int[] {Versions.CAPACITY, Versions.RETURN}) {
      FleetBench bench =
          new FleetBench(plan(BackendType.SCRIPTED, 1, 4, new Sharing.Whole(), false));
      bench.logic = logic;
      bench.offers(small, BOX);
      assertThat(bench.starts()).singleElement().matches(one -> one.offer().equals(small));
      bench.feed(new FleetEvent.Reconfigure(larger));
      if (logic == Versions.CAPACITY) {
        assertThat(bench.ends()).isEmpty();
        continue;
      }
      assertThat(bench.ends()).containsExactly(InstanceTerminationReason.FLEET_SPEC_MISMATCH);
      bench.offers(BOX);
      assertThat(bench.starts()).singleElement().matches(one -> one.offer().equals(BOX));
    }
  }

  @Test
  void whatWasAwayWhenTheConfigurationChangedGoesWhenItIsBack() {
    FleetBench bench = filled(plan(BackendType.SCRIPTED, 0, 4, new Sharing.Whole(), false), 1);
    bench.feed(
        new FleetEvent.Reported(new InstanceReport.Unreachable(bench.id(0), 50, "silent")),
        new FleetEvent.Reconfigure(
            new FleetPlan(
                BackendType.SCRIPTED, 0, 0, 4, Stage.cpus(16), new Sharing.Whole(), null)));
    assertThat(bench.ends()).isEmpty();
    bench.feed(
        new FleetEvent.Reported(new InstanceReport.Ready(bench.id(0), 51, BOX, "host-0", null)));
    assertThat(bench.ends()).containsExactly(InstanceTerminationReason.FLEET_SPEC_MISMATCH);
  }

  @Test
  void aMachineIsMadeOnlyWhereItsBlocksAreWhole() {
    Offer odd = offer("odd", "here", 4, 0.1);
    Offer even = offer("even", "here", 6, 0.6);
    FleetBench bench =
        new FleetBench(plan(BackendType.SCRIPTED, 1, 4, new Sharing.Blocks(3), false));
    bench.offers(odd, even);
    assertThat(bench.starts()).singleElement().matches(one -> one.offer().equals(even));

    FleetBench none =
        new FleetBench(plan(BackendType.SCRIPTED, 0, 4, new Sharing.Blocks(3), false));
    none.feed(reserve(1, 1, 1));
    none.offers(odd);
    assertThat(none.answers().toString())
        .contains("can't be divided into 3 equal blocks: it has 4 cpus and 0 accelerators");
    FleetBench minimum =
        new FleetBench(plan(BackendType.SCRIPTED, 1, 4, new Sharing.Blocks(3), false));
    minimum.offers(odd);
    assertThat(minimum.message).contains("can't be divided into 3 equal blocks");
  }

  @Test
  void theZoneOfTheFirstMachineIsTheZoneOfTheCluster() {
    Offer any = offer("a", "east", 4, 2).inZones(List.of("east-1", "east-2"));
    Offer elsewhere = offer("b", "east", 4, 1).inZones(List.of("east-3"));
    FleetBench bench = new FleetBench(plan(BackendType.SCRIPTED, 0, 8, new Sharing.Whole(), true));
    bench.feed(reserve(1, 2, 2));
    bench.offers(any);
    FleetCommand.StartInstance master = bench.starts().getFirst();
    assertThat(master.offer().zones()).hasSize(2);
    bench.pass(FleetSupply.OFFERS_FRESH.plusSeconds(1));
    bench.ready(master, any.inZones(List.of("east-2")));
    bench.offers(any, elsewhere);
    assertThat(bench.starts())
        .singleElement()
        .matches(one -> one.offer().equals(any.inZones(List.of("east-2"))));
  }

  @Test
  void withoutItsFirstMachineAClusterBeginsWhereTheNextOneIsOrAnywhere() {
    Offer east = offer("a", "east", 4, 1);
    Offer west = offer("a", "west", 4, 2);
    FleetBench bench = new FleetBench(plan(BackendType.SCRIPTED, 0, 8, new Sharing.Whole(), true));
    bench.feed(reserve(1, 2, 2));
    bench.offers(east, west);
    FleetCommand.StartInstance master = bench.starts().getFirst();
    bench.ready(master, east);
    FleetCommand.StartInstance second = bench.starts().getFirst();
    bench.gone(master.id());
    assertThat(bench.starts()).as("the second may still come, and then decides").isEmpty();
    bench.failed(second, "none left in east");
    assertThat(bench.starts())
        .as("nobody is left, and east was tried: any other place will do")
        .singleElement()
        .matches(one -> one.offer().equals(west));
  }

  @Test
  void everyHostThatFailsIsNamed() {
    FleetBench bench = new FleetBench(FleetBench.hosts("one", "two", "three"));
    List<FleetCommand.StartInstance> starts = bench.starts();
    bench.failed(starts.get(0), "wrong key");
    bench.failed(starts.get(2), "no Docker");
    assertThat(bench.message).isEqualTo("one: wrong key; three: no Docker");
    assertThat(bench.starts()).isEmpty();
    bench.pass(Duration.ofMinutes(1));
    assertThat(bench.count(Slotted.CREATING)).isEqualTo(3);
  }

  private static FleetBench filled(FleetPlan plan) {
    return filled(plan, 0);
  }

  /**
   * @param wanted by a run that is over again; 0: the fleet's minimum
   */
  private static FleetBench filled(FleetPlan plan, int wanted) {
    FleetBench bench = new FleetBench(plan);
    if (wanted > 0) {
      bench.feed(reserve(99, wanted, 1));
    }
    bench.offers(BOX);
    fill(bench, BOX);
    bench.feed(release(99));
    return bench;
  }
}
