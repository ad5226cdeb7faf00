package dev.dstack.workflows.instance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.instance.InstanceStatus;
import dev.dstack.model.instance.InstanceTerminationReason;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.workflows.instance.CloudActivities.HostNews;
import dev.dstack.workflows.instance.CloudActivities.MachineView;
import dev.dstack.workflows.instance.InstanceState.Phase;
import dev.dstack.workflows.support.Versions;
import dev.dstack.workflows.world.Stage;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/** A machine that may exist is always terminated, and its fleet hears of it. */
class InstanceDeciderTest {
  private static final Instant T0 = Instant.parse("2026-01-01T00:00:00Z");

  private static InstanceInput input(BackendType backend) {
    Offer offer = Stage.offer(backend, "box", 4, 1, false);
    return new InstanceInput(
        new InstanceId(new UUID(1, 1)),
        Stage.PROJECT,
        "main",
        new FleetId(new UUID(1, 2)),
        "f",
        "fleet:main:f",
        0,
        "f-0",
        offer,
        T0,
        null);
  }

  private static InstanceEvent any(Random random, InstanceInput input, Instant now) {
    MachineView machine = new MachineView("m", input.offer(), "host");
    return switch (random.nextInt(11)) {
      case 0, 1 -> new InstanceEvent.Created(machine);
      case 2, 3 -> new InstanceEvent.HostUp(machine);
      case 4 ->
          new InstanceEvent.ProvisioningFailed(
              ErrorKind.values()[random.nextInt(ErrorKind.values().length)], "no");
      case 5 -> new InstanceEvent.HostChanged(new HostNews(random.nextBoolean(), "news"));
      case 6 -> new InstanceEvent.HostChanged(HostNews.health(random.nextBoolean(), "GPU 0"));
      case 7 -> new InstanceEvent.WatchFailed("refused");
      case 8 -> new InstanceEvent.Revived(random.nextBoolean(), "no");
      case 9 -> new InstanceEvent.TerminationFailed("denied");
      default -> new InstanceEvent.Tick(now);
    };
  }

  @Property(tries = 1_000)
  void whatMayExistIsTerminatedAndTold(@ForAll long seed) {
    Random random = new Random(seed);
    InstanceInput input =
        input(random.nextBoolean() ? BackendType.LOCAL : new BackendType("cloud"));
    InstanceState state = InstanceState.initial(input);
    List<InstanceCommand> commands = new ArrayList<>();
    List<InstanceEvent> events = new ArrayList<>(List.of(new InstanceEvent.Begin()));
    for (int i = 0; i < 30; i++) {
      events.add(any(random, input, T0.plusSeconds(300L * i)));
    }
    events.add(
        new InstanceEvent.TerminationAsked(
            new InstanceTermination(InstanceTerminationReason.IDLE_TIMEOUT, "idle")));
    events.add(new InstanceEvent.ProvisioningCanceled());
    events.add(new InstanceEvent.Terminated());
    Instant now = T0;
    long seq = 0;
    for (InstanceEvent event : events) {
      now = event instanceof InstanceEvent.Tick(Instant at) ? at : now.plusSeconds(1);
      InstanceDecider.Decision decision = InstanceDecider.decide(input, state, event, now);
      state = decision.state();
      for (InstanceCommand command : decision.commands()) {
        if (command instanceof InstanceCommand.Tell tell) {
          assertThat(tell.report().seq()).isGreaterThan(seq);
          seq = tell.report().seq();
        }
      }
      commands.addAll(decision.commands());
    }
    assertThat(state.phase()).isEqualTo(Phase.GONE);
    assertThat(state.status()).isEqualTo(InstanceStatus.TERMINATED);
    assertThat(commands).anyMatch(InstanceCommand.Terminate.class::isInstance);
    InstanceReport last =
        commands.reversed().stream()
            .filter(InstanceCommand.Tell.class::isInstance)
            .map(one -> ((InstanceCommand.Tell) one).report())
            .findFirst()
            .orElseThrow();
    assertThat(last).isInstanceOfAny(InstanceReport.Gone.class, InstanceReport.Failed.class);
  }

  @Example
  void theIntentIsShownBeforeAnythingIsCreated() {
    InstanceInput input = input(BackendType.LOCAL);
    List<InstanceCommand> commands =
        InstanceDecider.decide(input, InstanceState.initial(input), new InstanceEvent.Begin(), T0)
            .commands();
    assertThat(commands).hasSize(2);
    assertThat(commands.getFirst()).isInstanceOf(InstanceCommand.Show.class);
    assertThat(commands.getLast()).isInstanceOf(InstanceCommand.Create.class);
  }

  @Example
  void onlyCloudMachinesAreGivenUpWhenSilent() {
    for (BackendType backend : List.of(BackendType.LOCAL, new BackendType("cloud"))) {
      InstanceInput input = input(backend);
      InstanceState state = InstanceState.initial(input);
      MachineView machine = new MachineView("m", input.offer(), "host");
      for (InstanceEvent event :
          List.of(
              new InstanceEvent.Begin(),
              new InstanceEvent.Created(machine),
              new InstanceEvent.HostUp(machine),
              new InstanceEvent.HostChanged(new HostNews(false, "silent")))) {
        state = InstanceDecider.decide(input, state, event, T0).state();
      }
      Instant late = T0.plus(InstanceDecider.UNREACHABLE_DEADLINE).plus(Duration.ofSeconds(1));
      state = InstanceDecider.decide(input, state, new InstanceEvent.Tick(late), late).state();
      assertThat(state.phase())
          .isEqualTo(backend.equals(BackendType.LOCAL) ? Phase.UNREACHABLE : Phase.TERMINATING);
    }
  }

  private static InstanceState unreachable(InstanceInput input) {
    MachineView machine = new MachineView("m", input.offer(), "host");
    InstanceState state = InstanceState.initial(input);
    for (InstanceEvent event :
        List.of(
            new InstanceEvent.Begin(),
            new InstanceEvent.Created(machine),
            new InstanceEvent.HostUp(machine),
            new InstanceEvent.HostChanged(new HostNews(false, "silent")),
            new InstanceEvent.Revived(false, "no"))) {
      state = InstanceDecider.decide(input, state, event, T0).state();
    }
    return state;
  }

  /** All servers were away: when they are back it still has what was left of its time. */
  @Example
  void timeInWhichNobodyLookedIsNotSilence() {
    InstanceInput input = input(new BackendType("cloud"));
    InstanceState state = unreachable(input);
    Instant back = T0.plus(Duration.ofDays(1));
    InstanceEvent late = new InstanceEvent.Tick(back);
    InstanceDecider.Decision decision = InstanceDecider.decide(input, state, late, back);
    assertThat(decision.state().phase()).isEqualTo(Phase.UNREACHABLE);
    assertThat(decision.commands()).anyMatch(InstanceCommand.Revive.class::isInstance);
    assertThat(InstanceDecider.deadline(decision.state()))
        .isEqualTo(back.plus(InstanceDecider.UNREACHABLE_DEADLINE).minus(Duration.ofMinutes(1)));

    Instant end = back.plus(InstanceDecider.UNREACHABLE_DEADLINE);
    assertThat(
            InstanceDecider.decide(input, decision.state(), new InstanceEvent.Tick(end), end)
                .state()
                .phase())
        .isEqualTo(Phase.TERMINATING);
    assertThat(InstanceDecider.decide(input, state, late, back, Versions.CAPACITY).state().phase())
        .as("as it was decided before")
        .isEqualTo(Phase.TERMINATING);
  }

  @Example
  void aFleetHearsOfHealthOnceAndWhenTheHostIsBack() {
    InstanceInput input = input(BackendType.LOCAL);
    InstanceState state = InstanceState.initial(input);
    MachineView machine = new MachineView("m", input.offer(), "host");
    List<String> told = new ArrayList<>();
    for (InstanceEvent event :
        List.of(
            new InstanceEvent.Begin(),
            new InstanceEvent.Created(machine),
            new InstanceEvent.HostUp(machine),
            new InstanceEvent.HostChanged(HostNews.health(false, "GPU 0")),
            new InstanceEvent.HostChanged(HostNews.health(false, "GPU 0")),
            new InstanceEvent.HostChanged(new HostNews(false, "silent")),
            new InstanceEvent.HostChanged(new HostNews(true, "")),
            new InstanceEvent.HostChanged(HostNews.health(true, "")))) {
      InstanceDecider.Decision decision = InstanceDecider.decide(input, state, event, T0);
      state = decision.state();
      for (InstanceCommand command : decision.commands()) {
        if (command instanceof InstanceCommand.Tell(InstanceReport report)) {
          told.add(
              report instanceof InstanceReport.Ready ready ? "ready " + ready.unfit() : "away");
        }
      }
    }
    assertThat(told)
        .containsExactly("ready null", "ready GPU 0", "away", "ready GPU 0", "ready null");
  }

  @Example
  void aMachineThatIsNoMoreIsNotWaitedFor() {
    InstanceInput input = input(new BackendType("cloud"));
    InstanceState state = InstanceState.initial(input);
    MachineView machine = new MachineView("m", input.offer(), "host");
    List<InstanceCommand> commands = List.of();
    for (InstanceEvent event :
        List.of(
            new InstanceEvent.Begin(),
            new InstanceEvent.Created(machine),
            new InstanceEvent.HostUp(machine),
            new InstanceEvent.HostChanged(HostNews.gone("taken back")))) {
      InstanceDecider.Decision decision = InstanceDecider.decide(input, state, event, T0);
      state = decision.state();
      commands = decision.commands();
    }
    assertThat(state.phase()).isEqualTo(Phase.TERMINATING);
    assertThat(state.termination().reason()).isEqualTo(InstanceTerminationReason.UNREACHABLE);
    assertThat(state.termination().message()).contains("taken back");
    assertThat(commands).anyMatch(InstanceCommand.Terminate.class::isInstance);
  }

  @Example
  void aTerminationThatDoesNotSucceedIsMadeKnown() {
    InstanceInput input = input(new BackendType("cloud"));
    InstanceState state = InstanceState.initial(input);
    state = InstanceDecider.decide(input, state, new InstanceEvent.Begin(), T0).state();
    state =
        InstanceDecider.decide(
                input,
                state,
                new InstanceEvent.ProvisioningFailed(ErrorKind.NO_CAPACITY, "none"),
                T0)
            .state();
    Instant late = T0.plus(InstanceDecider.ESCALATE_AFTER);
    assertThat(InstanceDecider.deadline(state)).isEqualTo(late);
    List<InstanceCommand> commands =
        InstanceDecider.decide(input, state, new InstanceEvent.Tick(late), late).commands();
    assertThat(commands)
        .anyMatch(
            one ->
                one instanceof InstanceCommand.Show show
                    && show.view().events().getFirst().message().contains("has not succeeded"));
  }
}
