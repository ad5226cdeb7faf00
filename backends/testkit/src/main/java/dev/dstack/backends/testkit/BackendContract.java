package dev.dstack.backends.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.backends.ComputeBackend;
import dev.dstack.backends.InstanceTag;
import dev.dstack.backends.Machine;
import dev.dstack.backends.MachineSpec;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.offer.Requirements;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** What every backend must do; its own test class extends this one. */
public abstract class BackendContract {
  /** A backend in its ordinary state; the same world at each call within one test. */
  public abstract ComputeBackend backend();

  /** Another instance on the same world, as another worker would have it. */
  public abstract ComputeBackend backendOfAnotherWorker();

  protected static Requirements anything() {
    return Requirements.atLeast(1, 0, 0);
  }

  protected static InstanceTag newTag() {
    return new InstanceTag("test", new InstanceId(UUID.randomUUID()), 0);
  }

  public MachineSpec spec(InstanceTag tag) {
    return new MachineSpec(tag, "fleet-0", "main", backend().offers(anything()).getFirst());
  }

  @Test
  void offersFitTheRequirementsAndTheCheapestIsFirst() {
    List<Offer> offers = backend().offers(anything());

    assertThat(offers).isNotEmpty();
    assertThat(offers).isSortedAccordingTo(Comparator.comparingDouble(Offer::price));
    assertThat(offers)
        .allSatisfy(
            offer -> {
              assertThat(offer.backend()).isEqualTo(backend().type());
              assertThat(anything().refusal(offer)).isEmpty();
              assertThat(offer.availability().usable()).isTrue();
            });
    assertThat(offers).isEqualTo(backendOfAnotherWorker().offers(anything()));
  }

  @Test
  void nothingIsOfferedForWhatNobodyHas() {
    Requirements impossible = Requirements.atLeast(1_000_000, 0, 0);
    Requirements elsewhere =
        Requirements.ANY.within(List.of(), List.of("no-such-region"), List.of());

    assertThat(backend().offers(impossible)).isEmpty();
    assertThat(backend().offers(elsewhere)).isEmpty();
  }

  @Test
  void oneTagIsOneMachineHoweverOftenItIsAskedFor() {
    InstanceTag tag = newTag();
    MachineSpec spec = spec(tag);

    Machine first = backend().ensure(spec);
    Machine second = backend().ensure(spec);
    Machine byOther = backendOfAnotherWorker().ensure(spec);

    assertThat(second.providerId()).isEqualTo(first.providerId());
    assertThat(byOther.providerId()).isEqualTo(first.providerId());
    assertThat(first.tag()).isEqualTo(tag);
    assertThat(first.offer().instanceType()).isEqualTo(spec.offer().instanceType());
    assertThat(backend().find(tag).map(Machine::providerId)).contains(first.providerId());
    backend().terminate(tag);
  }

  /** The answer to the call is never recorded: whoever goes on knows the tag alone. */
  @Test
  void aCrashBetweenTheCallAndItsRecordLosesNothing() {
    InstanceTag tag = newTag();
    MachineSpec spec = spec(tag);
    String made = backend().ensure(spec).providerId();

    ComputeBackend afterwards = backendOfAnotherWorker();

    assertThat(afterwards.find(tag).map(Machine::providerId)).contains(made);
    assertThat(afterwards.ensure(spec).providerId()).isEqualTo(made);
    afterwards.terminate(tag);
    assertThat(backend().find(tag)).isEmpty();
  }

  @Test
  void oneTagIsOneMachineAlsoAtTheSameTime() throws Exception {
    InstanceTag tag = newTag();
    MachineSpec spec = spec(tag);
    List<Callable<Machine>> calls = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      calls.add(() -> backend().ensure(spec));
      calls.add(() -> backendOfAnotherWorker().ensure(spec));
    }
    List<Machine> machines = new ArrayList<>();
    try (ExecutorService executor = Executors.newFixedThreadPool(8)) {
      for (Future<Machine> call : executor.invokeAll(calls)) {
        machines.add(call.get());
      }
    }

    assertThat(machines)
        .extracting(Machine::providerId)
        .containsOnly(machines.getFirst().providerId());
    assertThat(machines).extracting(Machine::agent).containsOnly(machines.getFirst().agent());
    backend().terminate(tag);
  }

  @Test
  void aMachineThatNobodyMadeIsNotFoundAndCanBeTerminated() {
    InstanceTag unknown = newTag();

    assertThat(backend().find(unknown)).isEmpty();
    backend().terminate(unknown);
    assertThat(backend().find(unknown)).isEmpty();
  }

  @Test
  void terminatingTwiceIsTerminatingOnce() {
    InstanceTag tag = newTag();
    backend().ensure(spec(tag));

    backend().terminate(tag);
    Optional<Machine> after = backend().find(tag);
    backendOfAnotherWorker().terminate(tag);

    assertThat(after).isEmpty();
    assertThat(backend().find(tag)).isEmpty();
  }

  @Test
  void anAttemptIsAMachineOfItsOwn() {
    InstanceTag first = newTag();
    InstanceTag second = new InstanceTag(first.deployment(), first.instance(), 1);
    backend().ensure(spec(first));

    assertThat(backend().find(second)).isEmpty();
    backend().ensure(spec(second));
    backend().terminate(first);

    assertThat(backend().find(first)).isEmpty();
    assertThat(backend().find(second)).isPresent();
    backend().terminate(second);
  }
}
