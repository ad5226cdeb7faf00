package dev.dstack.backends.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.dstack.backends.ComputeBackend;
import dev.dstack.backends.InstanceTag;
import dev.dstack.backends.MachineSpec;
import dev.dstack.backends.VolumeAttachment;
import dev.dstack.backends.VolumeInfo;
import dev.dstack.backends.VolumeOrder;
import dev.dstack.backends.VolumeRef;
import dev.dstack.backends.WithVolumes;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.VolumeId;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/**
 * What a backend with {@link WithVolumes} must do. What takes its time says NOT_READY and is asked
 * again, as a workflow does.
 */
public interface VolumeContract {
  ComputeBackend backend();

  ComputeBackend backendOfAnotherWorker();

  MachineSpec spec(InstanceTag tag);

  private WithVolumes volumes() {
    return (WithVolumes) backend();
  }

  private VolumeOrder order() {
    String region = spec(BackendContract.newTag()).offer().region();
    return new VolumeOrder(
        "test",
        new VolumeId(UUID.randomUUID()),
        "main",
        "data",
        region,
        null,
        1,
        null,
        Map.of("team", "a"));
  }

  private static VolumeRef ref(VolumeOrder order, VolumeInfo made) {
    return new VolumeRef(order.name(), made.volumeId(), order.region(), made.availabilityZone());
  }

  private InstanceTag machine() {
    InstanceTag tag = BackendContract.newTag();
    backend().ensure(spec(tag));
    return tag;
  }

  private VolumeInfo ensure(VolumeOrder order) {
    return ready(() -> volumes().ensureVolume(order));
  }

  private void delete(VolumeOrder order) {
    ready(
        () -> {
          volumes().deleteVolume(order);
          return true;
        });
  }

  private VolumeAttachment attach(VolumeRef volume, InstanceTag machine) {
    return ready(() -> volumes().attachVolume(volume, machine));
  }

  private void detach(VolumeRef volume, InstanceTag machine, boolean force) {
    ready(
        () -> {
          volumes().detachVolume(volume, machine, force);
          return true;
        });
  }

  private static <T> T ready(Supplier<T> call) {
    long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
    while (true) {
      try {
        return call.get();
      } catch (DstackException e) {
        if (e.kind() != ErrorKind.NOT_READY || System.nanoTime() - deadline > 0) {
          throw e;
        }
        LockSupport.parkNanos(Duration.ofMillis(50).toNanos());
      }
    }
  }

  @Test
  default void aVolumeIsMadeOnceForItsOrderAndEndedRepeatably() {
    VolumeOrder order = order();
    VolumeInfo made = ensure(order);
    assertThat(ready(() -> ((WithVolumes) backendOfAnotherWorker()).ensureVolume(order)))
        .isEqualTo(made);
    VolumeOrder another = order();
    assertThat(ensure(another).volumeId()).isNotEqualTo(made.volumeId());

    delete(order);
    delete(order);
    InstanceTag machine = machine();
    refuses(ErrorKind.NOT_FOUND, () -> attach(ref(order, made), machine));
    detach(ref(order, made), machine, false);
    delete(another);
    backend().terminate(machine);
  }

  @Test
  default void aVolumeIsAttachedAndDetachedRepeatably() {
    VolumeOrder order = order();
    VolumeInfo made = ensure(order);
    VolumeRef volume = ref(order, made);
    InstanceTag machine = machine();
    VolumeAttachment attached = attach(volume, machine);
    assertThat((attached.device() == null) != (attached.directory() == null)).isTrue();
    assertThat(attach(volume, machine)).isEqualTo(attached);
    detach(volume, BackendContract.newTag(), true);
    if (!made.shared()) {
      isOnOneMachineAtATime(volume, machine);
    }
    detach(volume, machine, false);
    detach(volume, machine, true);
    delete(order);
    backend().terminate(machine);
  }

  private void isOnOneMachineAtATime(VolumeRef volume, InstanceTag machine) {
    refuses(ErrorKind.HOST_LOST, () -> attach(volume, BackendContract.newTag()));
    InstanceTag other = machine();
    refuses(ErrorKind.INVALID_SPEC, () -> attach(volume, other));
    detach(volume, machine, false);
    attach(volume, other);
    refuses(ErrorKind.INVALID_SPEC, () -> attach(volume, machine));
    // A machine that is gone does not hold it.
    backend().terminate(other);
    attach(volume, machine);
  }

  private static void refuses(ErrorKind kind, Runnable call) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(DstackException.class, e -> assertThat(e.kind()).isEqualTo(kind));
  }
}
