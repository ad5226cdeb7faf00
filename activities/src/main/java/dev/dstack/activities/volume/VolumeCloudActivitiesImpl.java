package dev.dstack.activities.volume;

import dev.dstack.activities.backend.BackendRegistry;
import dev.dstack.activities.host.AgentDirectory;
import dev.dstack.backends.InstanceTag;
import dev.dstack.backends.MachineOptions;
import dev.dstack.backends.VolumeAttachment;
import dev.dstack.backends.VolumeInfo;
import dev.dstack.backends.VolumeOrder;
import dev.dstack.backends.VolumeRef;
import dev.dstack.backends.WithVolumes;
import dev.dstack.db.records.Volumes;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.workflows.volume.VolumeCloudActivities;
import dev.dstack.workflows.volume.VolumePlan;
import java.util.LinkedHashMap;
import java.util.Map;

/** The calls to providers that a volume makes. */
public final class VolumeCloudActivitiesImpl implements VolumeCloudActivities {
  private final BackendRegistry backends;
  private final AgentDirectory directory;
  private final Volumes volumes;

  public VolumeCloudActivitiesImpl(
      BackendRegistry backends, AgentDirectory directory, Volumes volumes) {
    this.backends = backends;
    this.directory = directory;
    this.volumes = volumes;
  }

  @Override
  public Made ensure(Order order) {
    VolumeInfo info = backend(order).ensureVolume(spec(order));
    return new Made(
        info.volumeId(), info.sizeGb(), info.availabilityZone(), info.price(), info.shared());
  }

  @Override
  public Mounted attachTo(Order order, Made made, InstanceId instance) {
    VolumeAttachment where = backend(order).attachVolume(ref(order, made), tag(instance));
    return new Mounted(where.device(), where.directory());
  }

  @Override
  public void detachFrom(Order order, Made made, InstanceId instance, boolean force) {
    InstanceTag tag;
    try {
      tag = tag(instance);
    } catch (DstackException e) {
      if (e.kind() == ErrorKind.HOST_LOST) {
        // With the machine its attachments are gone.
        return;
      }
      throw e;
    }
    backend(order).detachVolume(ref(order, made), tag, force);
  }

  @Override
  public void delete(Order order) {
    backend(order).deleteVolume(spec(order));
  }

  private InstanceTag tag(InstanceId instance) {
    return directory.tag(instance, directory.machine(instance).attempt());
  }

  private WithVolumes backend(Order order) {
    if (backends.await(order.projectId(), order.plan().backend()) instanceof WithVolumes with) {
      return with;
    }
    throw new DstackException(
        ErrorKind.INVALID_SPEC,
        "Backend " + order.plan().backend() + " has no volumes; choose another one.");
  }

  private VolumeOrder spec(Order order) {
    VolumePlan plan = order.plan();
    Map<String, String> tags = new LinkedHashMap<>(plan.tags());
    volumes.owner(order.id()).ifPresent(owner -> tags.put(MachineOptions.TAG_USER, owner));
    return new VolumeOrder(
        backends.deployment(),
        order.id(),
        order.project(),
        order.name(),
        plan.region(),
        plan.availabilityZone(),
        plan.sizeGb(),
        plan.existing(),
        tags);
  }

  private static VolumeRef ref(Order order, Made made) {
    return new VolumeRef(
        order.name(), made.providerId(), order.plan().region(), made.availabilityZone());
  }
}
