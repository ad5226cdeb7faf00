package dev.dstack.workflows.fleet;

import static dev.dstack.workflows.fleet.FleetBench.fill;
import static dev.dstack.workflows.fleet.FleetBench.hosts;
import static dev.dstack.workflows.fleet.FleetBench.offer;
import static dev.dstack.workflows.fleet.FleetBench.plan;
import static dev.dstack.workflows.fleet.FleetBench.release;
import static dev.dstack.workflows.fleet.FleetBench.request;
import static dev.dstack.workflows.fleet.FleetBench.reserve;
import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.fleet.FleetStatus;
import dev.dstack.model.fleet.Sharing;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.instance.InstanceTerminationReason;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.workflows.fleet.FleetState.Slotted;
import dev.dstack.workflows.support.Versions;
import dev.dstack.workflows.world.Stage;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What a fleet does for the wishes of its configuration. */
class FleetFeaturesTest {
  private static final BackendType CLOUD = new BackendType("cloud");

  @Test
  void aClusterBeginsWithOneMachineAndStaysWhereItIs() {
    FleetBench bench = new FleetBench(plan(BackendType.SCRIPTED, 0, 8, new Sharing.Whole(), true));
    Offer east = offer("a", "east", 4, 2);
    Offer west = offer("a", "west", 4, 1);
    bench.feed(reserve(1, 3, 1));
    bench.offers(east, west);
    assertThat(bench.starts()).hasSize(1);
    FleetCommand.StartInstance master = bench.starts().getFirst();
    assertThat(master.offer().region()).isEqualTo("west");

    bench.failed(master, "none left in west");
    assertThat(bench.starts()).as("the next offer for the first machine").hasSize(1);
    master = bench.starts().getFirst();
    assertThat(master.offer().region()).isEqualTo("east");
    bench.ready(master, east);
    assertThat(bench.starts())
        .as("the others beside it, although the other region is cheaper")
        .hasSize(2)
        .allMatch(start -> start.offer().region().equals("east"));
    for (FleetCommand.StartInstance start : bench.starts()) {
      bench.ready(start, east);
    }
    assertThat(bench.answers())
        .singleElement()
        .isInstanceOfSatisfying(
            FleetAnswer.Granted.class,
            granted ->
                assertThat(granted.placements())
                    .hasSize(3)
                    .allMatch(placement -> placement.internalIp() != null));
  }

  @Test
  void eachHostHasOneInstanceUntilItIsTakenOut() {
    FleetBench bench = new FleetBench(hosts("one", "two"));
    assertThat(bench.starts()).extracting(FleetCommand.StartInstance::number).containsExactly(0, 1);
    assertThat(bench.starts().getFirst().offer().backendData()).containsEntry("host", "0");
    List<FleetCommand.StartInstance> starts = bench.starts();
    bench.feed(reserve(1, 1, 2));
    assertThat(bench.answers())
        .as("worth waiting for hosts that are being reached")
        .singleElement()
        .isInstanceOf(FleetAnswer.Queued.class);
    bench.failed(starts.get(1), "wrong key");
    assertThat(bench.message).isEqualTo("two: wrong key");
    assertThat(bench.starts()).as("not at once again").isEmpty();
    bench.ready(starts.get(0), offer("host", "remote", 4, 0));
    assertThat(bench.answers()).singleElement().isInstanceOf(FleetAnswer.Granted.class);

    bench.pass(Duration.ofMinutes(2));
    assertThat(bench.state.instances())
        .extracting(FleetState.Slot::number)
        .as("tried again after a pause")
        .containsExactly(0, 1);
    InstanceId second = FleetDecider.instanceId(bench.input, bench.state.nextSerial() - 1);
    bench.feed(new FleetEvent.DeleteInstances(new InstanceRemoval(List.of(0, 1), false, "ann")));
    assertThat(bench.all(FleetCommand.TerminateInstance.class))
        .as("the busy one stays")
        .extracting(FleetCommand.TerminateInstance::id)
        .containsExactly(second);
    bench.gone(second);
    bench.pass(Duration.ofHours(1));
    assertThat(bench.state.instances()).as("a person took it out").hasSize(1);

    bench.feed(new FleetEvent.Reconfigure(hosts("one", "two", "three")));
    assertThat(bench.starts()).extracting(FleetCommand.StartInstance::number).containsExactly(1, 2);
    bench.feed(new FleetEvent.Reconfigure(hosts()));
    assertThat(bench.ends()).as("those without a job").hasSize(2);
    bench.feed(release(1));
    assertThat(bench.ends()).hasSize(1);
  }

  @Test
  void pinsAreTheOnlyInstancesThatDo() {
    Offer box = offer("box", "here", 4, 1);
    FleetBench bench = new FleetBench(plan(BackendType.SCRIPTED, 3, 3, new Sharing.Whole(), false));
    bench.offers(box);
    fill(bench, box);
    InstancePin pin = new InstancePin(null, "f-1", null, null);
    bench.feed(new FleetEvent.Reserve(request(1, 1, Stage.cpus(1), List.of(pin))));
    assertThat(bench.answers())
        .singleElement()
        .isInstanceOfSatisfying(
            FleetAnswer.Granted.class,
            granted -> assertThat(granted.placements().getFirst().instanceName()).isEqualTo("f-1"));
    bench.feed(new FleetEvent.Reserve(request(2, 1, Stage.cpus(1), List.of(pin))));
    assertThat(bench.answers()).singleElement().isInstanceOf(FleetAnswer.Refused.class);
  }

  @Test
  void whatARunBroughtAboutIsIdleForTheShorterTime() {
    Offer box = offer("box", "here", 4, 1);
    FleetBench bench = new FleetBench(plan(BackendType.SCRIPTED, 0, 2, new Sharing.Whole(), false));
    bench.feed(reserve(1, 1, 1));
    bench.offers(box);
    bench.ready(bench.starts().getFirst(), box);
    bench.feed(release(1));
    bench.pass(Duration.ofMinutes(4));
    assertThat(bench.count(Slotted.READY)).isEqualTo(1);
    bench.pass(Duration.ofMinutes(2));
    assertThat(bench.count(Slotted.TERMINATING)).isEqualTo(1);
  }

  @Test
  void blocksAreSharedAndAGangTakesItsInstancesWholly() {
    Offer box = offer("box", "here", 8, 1);
    FleetBench bench =
        new FleetBench(plan(BackendType.SCRIPTED, 2, 2, new Sharing.Blocks(4), true));
    bench.offers(box);
    bench.ready(bench.starts().getFirst(), box);
    bench.ready(bench.starts().getFirst(), box);
    bench.feed(reserve(1, 1, 3), reserve(2, 1, 2));
    List<Placement> placements =
        bench.answers().stream()
            .map(FleetAnswer.Granted.class::cast)
            .flatMap(granted -> granted.placements().stream())
            .toList();
    assertThat(placements).extracting(Placement::blocks).containsExactly(2, 1);
    assertThat(placements).extracting(Placement::instanceNum).containsOnly(0);
    bench.feed(reserve(3, 2, 1));
    assertThat(bench.answers()).singleElement().isInstanceOf(FleetAnswer.Refused.class);
    bench.feed(release(1), release(2), reserve(4, 2, 1));
    assertThat(bench.answers())
        .singleElement()
        .isInstanceOfSatisfying(
            FleetAnswer.Granted.class,
            granted ->
                assertThat(granted.placements()).extracting(Placement::blocks).containsOnly(4));
  }

  @Test
  void whatDoesNotFitTheNewConfigurationGoesWhenItIsFree() {
    Offer box = offer("box", "here", 4, 1);
    FleetPlan larger =
        new FleetPlan(BackendType.SCRIPTED, 0, 0, 4, Stage.cpus(8), new Sharing.Whole(), null);
    for (int logic : new int[] {Versions.ANSWERS_IN_PARTS, Versions.CAPACITY}) {
      FleetBench bench =
          new FleetBench(plan(BackendType.SCRIPTED, 1, 4, new Sharing.Whole(), false));
      bench.logic = logic;
      bench.offers(box);
      fill(bench, box);
      bench.feed(reserve(1, 1, 1), new FleetEvent.Reconfigure(larger));
      assertThat(bench.ends()).isEmpty();
      bench.feed(release(1));
      assertThat(bench.ends())
          .as("logic %s", logic)
          .isEqualTo(
              logic == Versions.CAPACITY
                  ? List.of(InstanceTerminationReason.FLEET_SPEC_MISMATCH)
                  : List.of());
    }
  }

  @Test
  void aPersonMayDeclareAMachineGone() {
    Offer box = offer("box", "here", 4, 1);
    FleetBench bench = new FleetBench(plan(BackendType.SCRIPTED, 1, 1, new Sharing.Whole(), false));
    bench.offers(box);
    fill(bench, box);
    bench.feed(reserve(1, 1, 1));
    bench.feed(
        new FleetEvent.Delete(),
        new FleetEvent.DeleteInstances(new InstanceRemoval(List.of(), true, "ann")));
    assertThat(bench.all(FleetCommand.TerminateInstance.class))
        .singleElement()
        .matches(one -> one.termination().forgets());
    bench.gone(FleetDecider.instanceId(bench.input, 0));
    assertThat(bench.state.status()).isEqualTo(FleetStatus.TERMINATING);
    bench.feed(release(1));
    assertThat(bench.state.status()).isEqualTo(FleetStatus.TERMINATED);
  }

  @Test
  void aCloudIsAskedForWhatTheRunWants() {
    FleetBench bench = new FleetBench(plan(CLOUD, 0, 2, new Sharing.Whole(), false));
    bench.feed(reserve(1, 1, 2));
    assertThat(bench.all(FleetCommand.FindOffers.class))
        .singleElement()
        .matches(find -> find.search() != null && find.search().wanted() != null);
    bench.offers(offer("box", "here", 4, 1));
    assertThat(bench.starts()).hasSize(1);
    bench.feed(reserve(2, 1, 3));
    assertThat(bench.all(FleetCommand.FindOffers.class))
        .as("another wish is another question")
        .hasSize(1);
  }

  @Test
  void hundredsOfPlacementsAtOnceNeverShareAnInstance() {
    Offer box = offer("box", "here", 4, 1);
    FleetBench bench =
        new FleetBench(plan(BackendType.SCRIPTED, 200, 200, new Sharing.Whole(), true));
    bench.offers(box);
    bench.ready(bench.starts().getFirst(), box);
    fill(bench, box);
    assertThat(bench.count(Slotted.READY)).isEqualTo(200);
    List<FleetEvent> wishes = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      wishes.add(reserve(i, 1, 1));
    }
    wishes.add(reserve(1_000, 200, 1));
    Set<InstanceId> taken = new HashSet<>();
    int granted = 0;
    for (List<FleetEvent> batch : List.of(wishes.subList(0, 100), wishes.subList(100, 301))) {
      bench.feed(batch.toArray(FleetEvent[]::new));
      for (FleetAnswer answer : bench.answers()) {
        if (answer instanceof FleetAnswer.Granted(var _, var _, var placements, var _)) {
          granted++;
          placements.forEach(one -> assertThat(taken.add(one.instance())).isTrue());
        }
      }
    }
    assertThat(granted).isEqualTo(200);
    List<FleetEvent> ends = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      ends.add(release(i));
    }
    ends.add(reserve(2_000, 200, 1));
    bench.feed(ends.toArray(FleetEvent[]::new));
    assertThat(bench.answers())
        .singleElement()
        .isInstanceOfSatisfying(
            FleetAnswer.Granted.class,
            all ->
                assertThat(all.placements())
                    .hasSize(200)
                    .extracting(Placement::instance)
                    .doesNotHaveDuplicates());
  }
}
