package dev.dstack.backends.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.backends.ComputeBackend;
import dev.dstack.backends.FoundMachine;
import dev.dstack.backends.InstanceTag;
import dev.dstack.backends.MachineSpec;
import dev.dstack.backends.WithSweep;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What a backend with {@link WithSweep} must do. */
public interface SweepContract {
  ComputeBackend backend();

  MachineSpec spec(InstanceTag tag);

  @Test
  default void machinesAreListedByWhomTheyBelongToUntilTheyEnd() {
    WithSweep sweep = (WithSweep) backend();
    InstanceTag tag = BackendContract.newTag();
    InstanceTag foreign =
        new InstanceTag("another", BackendContract.newTag().instance(), tag.attempt());
    String id = backend().ensure(spec(tag)).providerId();
    backend().ensure(spec(foreign));
    String region = spec(tag).offer().region();

    assertThat(sweep.regions()).contains(region);
    assertThat(of(sweep, tag.deployment(), region, tag))
        .singleElement()
        .satisfies(
            found -> {
              assertThat(found.providerId()).isEqualTo(id);
              assertThat(found.region()).isEqualTo(region);
              assertThat(found.createdAt()).isNotNull();
            });
    assertThat(sweep.machines(tag.deployment(), region))
        .extracting(found -> found.tag().deployment())
        .containsOnly(tag.deployment());
    assertThat(of(sweep, foreign.deployment(), region, foreign)).hasSize(1);

    sweep.end(region, id);
    sweep.end(region, id);
    assertThat(of(sweep, tag.deployment(), region, tag)).isEmpty();
    assertThat(backend().find(tag)).isEmpty();
    assertThat(of(sweep, foreign.deployment(), region, foreign)).hasSize(1);
    backend().terminate(foreign);
  }

  private static List<FoundMachine> of(
      WithSweep sweep, String deployment, String region, InstanceTag tag) {
    return sweep.machines(deployment, region).stream()
        .filter(found -> found.tag().equals(tag))
        .toList();
  }
}
