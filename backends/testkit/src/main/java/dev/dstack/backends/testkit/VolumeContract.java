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
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/**
 * What a backend with {@link WithVolumes} must do whose calls have their effect before they return.
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

  @Test
  default void aVolumeIsMadeOnceForItsOrderAndEndedRepeatably() {
    VolumeOrder order = order();
    VolumeInfo made = volumes().ensureVolume(order);
    assertThat(((WithVolumes) backendOfAnotherWorker()).ensureVolume(order)).isEqualTo(made);
    VolumeOrder another = order();
    assertThat(volumes().ensureVolume(another).volumeId()).isNotEqualTo(made.volumeId());

    volumes().deleteVolume(order);
    volumes().deleteVolume(order);
    InstanceTag machine = machine();
    refuses(ErrorKind.NOT_FOUND, () -> volumes().attachVolume(ref(order, made), machine));
    volumes().detachVolume(ref(order, made), machine, false);
    volumes().deleteVolume(another);
    backend().terminate(machine);
  }

  @Test
  default void aVolumeIsAttachedAndDetachedRepeatably() {
    VolumeOrder order = order();
    VolumeInfo made = volumes().ensureVolume(order);
    VolumeRef volume = ref(order, made);
    InstanceTag machine = machine();
    VolumeAttachment attached = volumes().attachVolume(volume, machine);
    assertThat((attached.device() == null) != (attached.directory() == null)).isTrue();
    assertThat(volumes().attachVolume(volume, machine)).isEqualTo(attached);
    volumes().detachVolume(volume, BackendContract.newTag(), true);
    if (!made.shared()) {
      isOnOneMachineAtATime(volume, machine);
    }
    volumes().detachVolume(volume, machine, false);
    volumes().detachVolume(volume, machine, true);
    volumes().deleteVolume(order);
    backend().terminate(machine);
  }

  private void isOnOneMachineAtATime(VolumeRef volume, InstanceTag machine) {
    refuses(ErrorKind.HOST_LOST, () -> volumes().attachVolume(volume, BackendContract.newTag()));
    InstanceTag other = machine();
    refuses(ErrorKind.INVALID_SPEC, () -> volumes().attachVolume(volume, other));
    volumes().detachVolume(volume, machine, false);
    volumes().attachVolume(volume, other);
    refuses(ErrorKind.INVALID_SPEC, () -> volumes().attachVolume(volume, machine));
    // A machine that is gone does not hold it.
    backend().terminate(other);
    volumes().attachVolume(volume, machine);
  }

  private static void refuses(ErrorKind kind, Runnable call) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(DstackException.class, e -> assertThat(e.kind()).isEqualTo(kind));
  }
}
