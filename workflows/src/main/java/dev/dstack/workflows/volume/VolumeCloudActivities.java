package dev.dstack.workflows.volume;

import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.VolumeId;
import io.temporal.activity.ActivityInterface;
import org.jspecify.annotations.Nullable;

/** Calls to the provider of a volume. All of them may be repeated with the same arguments. */
@ActivityInterface(namePrefix = "volume.")
public interface VolumeCloudActivities {
  /** Makes the volume, or finds the one that is to be registered. NOT_READY is retried. */
  Made ensure(Order order);

  Mounted attachTo(Order order, Made made, InstanceId instance);

  /**
   * @param force even if the machine does not let go of it
   */
  void detachFrom(Order order, Made made, InstanceId instance, boolean force);

  /** Also undoes an attempt to make it whose answer nobody has seen. Unknown is success. */
  void delete(Order order);

  /** Which volume; nothing of it is a secret. */
  record Order(VolumeId id, ProjectId projectId, String project, String name, VolumePlan plan) {}

  /**
   * @param price dollars a month
   * @param shared may be attached to several machines at once
   */
  record Made(
      String providerId,
      @Nullable Integer sizeGb,
      @Nullable String availabilityZone,
      double price,
      boolean shared) {}

  /** Where it is on its machine; one of the two. */
  record Mounted(@Nullable String device, @Nullable String directory) {}
}
