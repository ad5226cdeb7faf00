package dev.dstack.workflows.sweep;

import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.VolumeId;
import org.jspecify.annotations.Nullable;

/**
 * A machine of this installation that no open instance workflow owns, or a volume that it has
 * deleted and that is there all the same.
 *
 * @param instance absent: it is a volume
 * @param volume absent: it is a machine
 */
public record Orphan(
    @Nullable InstanceId instance,
    int attempt,
    String providerId,
    String name,
    @Nullable VolumeId volume) {
  public Orphan(InstanceId instance, int attempt, String providerId, String name) {
    this(instance, attempt, providerId, name, null);
  }

  public static Orphan of(VolumeId volume, String providerId, String name) {
    return new Orphan(null, 0, providerId, name, volume);
  }

  @Override
  public String toString() {
    return (volume == null ? "machine " : "volume ") + providerId + " (" + name + ")";
  }
}
