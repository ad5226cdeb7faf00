package dev.dstack.backends.aws;

import static dev.dstack.backends.aws.AwsErrors.translated;

import dev.dstack.backends.FoundVolume;
import dev.dstack.backends.InstanceTag;
import dev.dstack.backends.VolumeAttachment;
import dev.dstack.backends.VolumeInfo;
import dev.dstack.backends.VolumeOrder;
import dev.dstack.backends.VolumeRef;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.VolumeId;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.CreateVolumeRequest;
import software.amazon.awssdk.services.ec2.model.Instance;
import software.amazon.awssdk.services.ec2.model.ResourceType;
import software.amazon.awssdk.services.ec2.model.TagSpecification;
import software.amazon.awssdk.services.ec2.model.Volume;
import software.amazon.awssdk.services.ec2.model.VolumeAttachmentState;
import software.amazon.awssdk.services.ec2.model.VolumeState;
import software.amazon.awssdk.services.ec2.model.VolumeType;

/** EBS volumes: of one zone, and on one machine at a time. */
final class AwsVolumes {
  /** Of gp3, in most regions; what an account really pays stands on its bill. */
  private static final double DOLLARS_A_GB_AND_MONTH = 0.08;

  private static final Set<VolumeState> GONE = Set.of(VolumeState.DELETING, VolumeState.DELETED);

  private final AwsConfig config;
  private final AwsClients clients;
  private final AwsMachines machines;

  AwsVolumes(AwsConfig config, AwsClients clients, AwsMachines machines) {
    this.config = config;
    this.clients = clients;
    this.machines = machines;
  }

  VolumeInfo ensure(VolumeOrder order) {
    Ec2Client ec2 = clients.ec2(order.region());
    Volume volume = order.existing() == null ? made(ec2, order) : existing(ec2, order);
    if (volume.state() == VolumeState.CREATING) {
      throw new DstackException(
          ErrorKind.NOT_READY, "AWS: volume " + volume.volumeId() + " is being created.");
    }
    if (volume.state() == VolumeState.ERROR) {
      throw new DstackException(
          ErrorKind.BACKEND_DENIED, "AWS: volume " + volume.volumeId() + " could not be created.");
    }
    int size = volume.size() == null ? 0 : volume.size();
    return new VolumeInfo(
        volume.volumeId(),
        size,
        volume.availabilityZone(),
        order.existing() == null ? size * DOLLARS_A_GB_AND_MONTH : 0,
        false);
  }

  private Volume existing(Ec2Client ec2, VolumeOrder order) {
    String id = String.valueOf(order.existing());
    return find(ec2, order.region(), id)
        .orElseThrow(
            () ->
                new DstackException(
                    ErrorKind.NOT_FOUND,
                    "volume_id: AWS has no volume " + id + " in " + order.region()));
  }

  private Volume made(Ec2Client ec2, VolumeOrder order) {
    List<Volume> there = owned(ec2, order);
    if (!there.isEmpty()) {
      return there.getFirst();
    }
    Integer size = order.sizeGb();
    if (size == null) {
      throw new DstackException(ErrorKind.INVALID_SPEC, "size: an EBS volume needs one");
    }
    String wanted = order.availabilityZone();
    CreateVolumeRequest request =
        CreateVolumeRequest.builder()
            .clientToken(order.token())
            .availabilityZone(wanted == null ? firstZone(ec2, order.region()) : wanted)
            .size(size)
            .volumeType(VolumeType.GP3)
            .tagSpecifications(
                TagSpecification.builder()
                    .resourceType(ResourceType.VOLUME)
                    .tags(AwsTags.of(config, order))
                    .build())
            .build();
    String id =
        translated(
            "create volume " + order.name() + " in " + order.region(),
            () -> ec2.createVolume(request).volumeId());
    return find(ec2, order.region(), id)
        .orElseThrow(
            () ->
                new DstackException(
                    ErrorKind.NOT_READY, "AWS: volume " + id + " is not listed yet."));
  }

  private static String firstZone(Ec2Client ec2, String region) {
    return translated(
            "list the zones of " + region,
            () ->
                ec2.describeAvailabilityZones(
                        request -> request.filters(AwsNetwork.filter("state", "available")))
                    .availabilityZones())
        .stream()
        .filter(zone -> zone.zoneType() == null || zone.zoneType().equals("availability-zone"))
        .map(zone -> String.valueOf(zone.zoneName()))
        .min(Comparator.naturalOrder())
        .orElseThrow(
            () ->
                new DstackException(
                    ErrorKind.BACKEND_DENIED, "AWS: " + region + " has no zone for a volume."));
  }

  /** The oldest first: of two, which only lost answers can make, that one is used. */
  private static List<Volume> owned(Ec2Client ec2, VolumeOrder order) {
    return translated(
            "list the volumes in " + order.region(),
            () ->
                ec2.describeVolumes(
                        request ->
                            request.filters(
                                AwsNetwork.filter("tag:" + AwsTags.VOLUME, order.id().toString()),
                                AwsNetwork.filter("tag:" + AwsTags.DEPLOYMENT, order.deployment())))
                    .volumes())
        .stream()
        .filter(volume -> !GONE.contains(volume.state()))
        .sorted(Comparator.comparing(Volume::createTime).thenComparing(Volume::volumeId))
        .toList();
  }

  private static Optional<Volume> find(Ec2Client ec2, String region, String id) {
    try {
      return ec2.describeVolumes(request -> request.volumeIds(id)).volumes().stream()
          .filter(volume -> !GONE.contains(volume.state()))
          .findFirst();
    } catch (SdkException e) {
      if (AwsErrors.code(e).startsWith("InvalidVolume.NotFound")
          || AwsErrors.code(e).startsWith("InvalidParameterValue")) {
        return Optional.empty();
      }
      throw AwsErrors.of("look up volume " + id + " in " + region, e);
    }
  }

  void delete(VolumeOrder order) {
    if (order.existing() != null) {
      return;
    }
    for (Volume volume : owned(clients.ec2(order.region()), order)) {
      end(order.region(), volume.volumeId());
    }
  }

  void end(String region, String id) {
    try {
      clients.ec2(region).deleteVolume(request -> request.volumeId(id));
    } catch (SdkException e) {
      switch (AwsErrors.code(e)) {
        case "InvalidVolume.NotFound" -> {
          // Gone is what is wanted.
        }
        case "VolumeInUse" ->
            throw new DstackException(
                ErrorKind.NOT_READY, "AWS: volume " + id + " is still attached.", e);
        default -> throw AwsErrors.of("delete volume " + id, e);
      }
    }
  }

  /** Of volumes only: a machine's own disk has its instance's tags, and goes with it. */
  List<FoundVolume> owned(String deployment, String region) {
    List<FoundVolume> found = new ArrayList<>();
    List<Volume> all =
        translated(
            "list the volumes in " + region,
            () ->
                clients
                    .ec2(region)
                    .describeVolumesPaginator(
                        request ->
                            request.filters(
                                AwsNetwork.filter("tag:" + AwsTags.DEPLOYMENT, deployment),
                                AwsNetwork.filter("tag-key", AwsTags.VOLUME)))
                    .volumes()
                    .stream()
                    .toList());
    for (Volume volume : all) {
      Map<String, String> tags = new LinkedHashMap<>();
      volume.tags().forEach(tag -> tags.put(tag.key(), tag.value()));
      VolumeId id = id(tags.get(AwsTags.VOLUME));
      if (id != null
          && deployment.equals(tags.get(AwsTags.DEPLOYMENT))
          && !GONE.contains(volume.state())) {
        found.add(
            new FoundVolume(
                id,
                region,
                volume.volumeId(),
                tags.getOrDefault(AwsTags.NAME, volume.volumeId()),
                volume.createTime()));
      }
    }
    return found;
  }

  /** Absent: somebody has changed the tag. */
  private static @Nullable VolumeId id(@Nullable String tag) {
    try {
      return tag == null ? null : new VolumeId(UUID.fromString(tag));
    } catch (IllegalArgumentException e) {
      return null;
    }
  }

  VolumeAttachment attach(VolumeRef ref, InstanceTag tag) {
    Ec2Client ec2 = clients.ec2(ref.region());
    AwsMachines.Located machine =
        machines
            .find(tag)
            .orElseThrow(
                () ->
                    new DstackException(
                        ErrorKind.HOST_LOST, "AWS: the machine for the volume is gone."));
    Volume volume =
        find(ec2, ref.region(), ref.volumeId())
            .orElseThrow(
                () ->
                    new DstackException(
                        ErrorKind.NOT_FOUND,
                        "AWS: volume " + ref.volumeId() + " is not there any more."));
    String instanceId = machine.instance().instanceId();
    Optional<software.amazon.awssdk.services.ec2.model.VolumeAttachment> there =
        on(volume, instanceId);
    if (there.isPresent()) {
      return attached(there.get().state(), there.get().device(), ref);
    }
    if (!volume.attachments().isEmpty()) {
      throw new DstackException(
          ErrorKind.INVALID_SPEC,
          "AWS: volume "
              + ref.volumeId()
              + " is attached to "
              + volume.attachments().getFirst().instanceId()
              + "; detach it there first.");
    }
    String device = freeDevice(machine.instance());
    try {
      var answer =
          ec2.attachVolume(
              request -> request.volumeId(ref.volumeId()).instanceId(instanceId).device(device));
      return attached(answer.state(), answer.device(), ref);
    } catch (SdkException e) {
      if (Set.of("IncorrectState", "IncorrectInstanceState").contains(AwsErrors.code(e))) {
        throw new DstackException(
            ErrorKind.NOT_READY, "AWS: the machine or the volume is not ready yet.", e);
      }
      throw AwsErrors.of("attach volume " + ref.volumeId() + " to " + instanceId, e);
    }
  }

  private static VolumeAttachment attached(
      @Nullable VolumeAttachmentState state, @Nullable String device, VolumeRef ref) {
    if (state != VolumeAttachmentState.ATTACHED || device == null) {
      throw new DstackException(
          ErrorKind.NOT_READY, "AWS: volume " + ref.volumeId() + " is " + state + ".");
    }
    return new VolumeAttachment(device, null);
  }

  /** The names that AWS gives to data volumes. */
  private static String freeDevice(Instance instance) {
    Set<String> taken =
        instance.blockDeviceMappings().stream()
            .map(mapping -> String.valueOf(mapping.deviceName()).replace("/dev/xvd", "/dev/sd"))
            .collect(Collectors.toSet());
    for (char letter = 'f'; letter <= 'p'; letter++) {
      if (!taken.contains("/dev/sd" + letter)) {
        return "/dev/sd" + letter;
      }
    }
    throw new DstackException(
        ErrorKind.QUOTA_EXCEEDED, "AWS: the machine has as many volumes as it can have.");
  }

  private static Optional<software.amazon.awssdk.services.ec2.model.VolumeAttachment> on(
      Volume volume, String instanceId) {
    return new ArrayList<>(volume.attachments())
        .stream()
            .filter(one -> instanceId.equals(one.instanceId()))
            .filter(one -> one.state() != VolumeAttachmentState.DETACHED)
            .findFirst();
  }

  void detach(VolumeRef ref, InstanceTag tag, boolean force) {
    Optional<AwsMachines.Located> machine = machines.find(tag);
    if (machine.isEmpty()) {
      return;
    }
    Ec2Client ec2 = clients.ec2(ref.region());
    String instanceId = machine.get().instance().instanceId();
    Optional<Volume> volume = find(ec2, ref.region(), ref.volumeId());
    var there = volume.flatMap(one -> on(one, instanceId));
    if (there.isEmpty()) {
      return;
    }
    if (force || there.get().state() != VolumeAttachmentState.DETACHING) {
      try {
        ec2.detachVolume(
            request -> request.volumeId(ref.volumeId()).instanceId(instanceId).force(force));
      } catch (SdkException e) {
        if (!Set.of("IncorrectState", "InvalidAttachment.NotFound", "InvalidVolume.NotFound")
            .contains(AwsErrors.code(e))) {
          throw AwsErrors.of("detach volume " + ref.volumeId() + " from " + instanceId, e);
        }
      }
    }
    if (find(ec2, ref.region(), ref.volumeId()).flatMap(one -> on(one, instanceId)).isPresent()) {
      throw new DstackException(
          ErrorKind.NOT_READY, "AWS: volume " + ref.volumeId() + " is being detached.");
    }
  }
}
