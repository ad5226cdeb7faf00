package dev.dstack.backends.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.dstack.backends.ComputeBackend;
import dev.dstack.backends.InstanceTag;
import dev.dstack.backends.Machine;
import dev.dstack.backends.MachineSpec;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What a backend that calls somebody else's cloud must do when that cloud does not. */
public interface FaultContract {
  ComputeBackend backend();

  ComputeBackend backendOfAnotherWorker();

  MachineSpec spec(InstanceTag tag);

  /** Another one whose clock is a day further. */
  ComputeBackend backendADayLater();

  /** As a cloud does after a while; the machines stay. */
  void forgetTokens();

  /** How the cloud is brought to refuse every creation; at least one for each of the kinds. */
  Map<ErrorKind, Runnable> refusals();

  /** The next creation happens, but its answer is lost, however often the client asks again. */
  void loseAnswersOfCreation();

  /** What was created is not listed from now on. */
  void hideMachines();

  /** The cloud does as it should again. */
  void mend();

  /** How many machines the cloud runs with this tag. */
  int machines(InstanceTag tag);

  @Test
  default void everyRefusalHasItsKindAndLeavesNothing() {
    Map<ErrorKind, Runnable> refusals = refusals();
    assertThat(refusals)
        .containsKeys(
            ErrorKind.NO_CAPACITY,
            ErrorKind.QUOTA_EXCEEDED,
            ErrorKind.BACKEND_THROTTLED,
            ErrorKind.BACKEND_DENIED);
    refusals.forEach(
        (kind, refuse) -> {
          InstanceTag tag = BackendContract.newTag();
          MachineSpec spec = spec(tag);
          refuse.run();
          assertThatThrownBy(() -> backend().ensure(spec))
              .isInstanceOfSatisfying(
                  DstackException.class,
                  e -> {
                    assertThat(e.kind()).as(e.getMessage()).isEqualTo(kind);
                    assertThat(e.getMessage()).contains(spec.offer().instanceType());
                  });
          mend();
          assertThat(machines(tag)).isZero();
          // Nothing of the refusal stays.
          backend().ensure(spec);
          assertThat(machines(tag)).isEqualTo(1);
          backend().terminate(tag);
        });
  }

  @Test
  default void aLostAnswerIsNoSecondMachine() {
    InstanceTag tag = BackendContract.newTag();
    MachineSpec spec = spec(tag);
    loseAnswersOfCreation();
    assertThatThrownBy(() -> backend().ensure(spec))
        .isInstanceOfSatisfying(
            DstackException.class, e -> assertThat(e.kind().retryable()).isTrue());
    assertThat(machines(tag)).as("the effect without the answer").isEqualTo(1);
    mend();

    Machine machine = backendOfAnotherWorker().ensure(spec);

    assertThat(machines(tag)).isEqualTo(1);
    assertThat(backend().find(tag).map(Machine::providerId)).contains(machine.providerId());
    backend().terminate(tag);
    assertThat(machines(tag)).isZero();
  }

  /** The token has been forgotten by then: the tags must do. */
  @Test
  default void aServerThatComesBackAfterADayKnowsAndEndsWhatItNeverHeardOf() {
    InstanceTag tag = BackendContract.newTag();
    MachineSpec spec = spec(tag);
    loseAnswersOfCreation();
    assertThatThrownBy(() -> backend().ensure(spec)).isInstanceOf(DstackException.class);
    mend();
    forgetTokens();

    ComputeBackend later = backendADayLater();
    Machine machine = later.ensure(spec);

    assertThat(machines(tag)).isEqualTo(1);
    assertThat(backendADayLater().find(tag).map(Machine::providerId))
        .contains(machine.providerId());
    backendADayLater().terminate(tag);
    assertThat(machines(tag)).isZero();
  }

  /** The tag alone does not do, where a cloud shows late what it has: then the token must. */
  @Test
  default void aMachineThatIsNotListedYetIsNotMadeTwice() {
    InstanceTag tag = BackendContract.newTag();
    MachineSpec spec = spec(tag);
    hideMachines();
    String first = backend().ensure(spec).providerId();
    String second = backendOfAnotherWorker().ensure(spec).providerId();
    mend();

    assertThat(second).isEqualTo(first);
    assertThat(machines(tag)).isEqualTo(1);
    backend().terminate(tag);
    assertThat(machines(tag)).isZero();
  }

  @Test
  default void aMachineThatIsNotListedYetCanBeEndedByWhoMadeIt() {
    InstanceTag tag = BackendContract.newTag();
    ComputeBackend backend = backend();
    hideMachines();
    backend.ensure(spec(tag));
    backend.terminate(tag);
    mend();

    assertThat(machines(tag)).isZero();
  }
}
