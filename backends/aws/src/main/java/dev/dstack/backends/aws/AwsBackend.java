package dev.dstack.backends.aws;

import dev.dstack.backends.BackendContext;
import dev.dstack.backends.Catalog;
import dev.dstack.backends.ComputeBackend;
import dev.dstack.backends.FoundMachine;
import dev.dstack.backends.FoundVolume;
import dev.dstack.backends.InstanceTag;
import dev.dstack.backends.Machine;
import dev.dstack.backends.MachineSpec;
import dev.dstack.backends.SshEndpoint;
import dev.dstack.backends.VolumeAttachment;
import dev.dstack.backends.VolumeInfo;
import dev.dstack.backends.VolumeOrder;
import dev.dstack.backends.VolumeRef;
import dev.dstack.backends.WithPlacementGroups;
import dev.dstack.backends.WithVolumeSweep;
import dev.dstack.backends.aws.AwsMachines.Located;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.offer.Availability;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.offer.Requirements;
import dev.dstack.model.resources.CpuArch;
import dev.dstack.model.resources.Resources;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import software.amazon.awssdk.services.ec2.model.ArchitectureType;
import software.amazon.awssdk.services.ec2.model.Instance;
import software.amazon.awssdk.services.ec2.model.InstanceLifecycleType;
import software.amazon.awssdk.services.ec2.model.InstanceStateName;
import software.amazon.awssdk.services.ec2.model.InstanceTypeInfo;

/** Amazon EC2 of one account. */
public final class AwsBackend implements ComputeBackend, WithPlacementGroups, WithVolumeSweep {
  public static final BackendType TYPE = new BackendType("aws");
  private static final int SSH_PORT = 22;

  private final AwsConfig config;
  private final AwsClients clients;
  private final BackendContext context;
  private final AwsRegions regions;
  private final AwsOffers offers;
  private final AwsLaunch launch;
  private final AwsMachines machines;
  private final AwsPlacementGroups placementGroups;
  private final AwsVolumes volumes;

  AwsBackend(BackendContext context, AwsConfig config, AwsClients clients) {
    this.context = context;
    this.config = config;
    this.clients = clients;
    this.regions = new AwsRegions(config, clients, this::catalog, context.clock());
    this.offers = new AwsOffers(TYPE, config, clients, regions, this::catalog, context.clock());
    this.launch = new AwsLaunch(config, clients, context.clock());
    this.machines = new AwsMachines(clients, regions);
    this.placementGroups = new AwsPlacementGroups(clients);
    this.volumes = new AwsVolumes(config, clients, machines);
  }

  private List<Catalog.Entry> catalog() {
    return context.catalog().entries(TYPE.name());
  }

  @Override
  public BackendType type() {
    return TYPE;
  }

  /** For what else the account is used for, such as its volumes. */
  public AwsClients clients() {
    return clients;
  }

  @Override
  public List<Offer> offers(Requirements requirements) {
    return offers.matching(requirements);
  }

  @Override
  public Machine ensure(MachineSpec spec) {
    String region = spec.offer().region();
    machines.remember(spec.tag(), region, null);
    Optional<Instance> there = adopt(spec);
    if (there.isPresent()) {
      return machine(spec.tag(), there.get(), spec.offer());
    }
    Instance instance;
    try {
      instance = launch.launch(spec);
    } catch (DstackException e) {
      // Refused because there was a call before, whose answer was lost: what it made is ours.
      if (e.kind() == ErrorKind.IDEMPOTENCY_MISMATCH) {
        instance =
            adopt(spec)
                .orElseThrow(
                    () ->
                        new DstackException(
                            ErrorKind.BACKEND_UNAVAILABLE,
                            "AWS: a machine of "
                                + spec.instanceName()
                                + " was started before and is not listed yet.",
                            e));
      } else {
        throw e;
      }
    }
    if (!AwsMachines.isLive(instance)) {
      throw AwsMachines.ended(spec, instance);
    }
    machines.remember(spec.tag(), region, instance.instanceId());
    return machine(spec.tag(), instance, spec.offer());
  }

  /** The machine that is there; of two, which only lost answers can make, the older one stays. */
  private Optional<Instance> adopt(MachineSpec spec) {
    String region = spec.offer().region();
    List<Instance> all = machines.all(clients.ec2(region), region, spec.tag());
    List<Instance> live = all.stream().filter(AwsMachines::isLive).toList();
    if (live.isEmpty()) {
      if (!all.isEmpty()) {
        throw AwsMachines.ended(spec, all.getLast());
      }
      return Optional.empty();
    }
    machines.terminate(region, live.stream().skip(1).map(Instance::instanceId).toList());
    machines.remember(spec.tag(), region, live.getFirst().instanceId());
    return Optional.of(live.getFirst());
  }

  @Override
  public Optional<Machine> find(InstanceTag tag) {
    return machines
        .find(tag)
        .map(
            (Located found) ->
                machine(tag, found.instance(), offer(found.region(), found.instance())));
  }

  @Override
  public void terminate(InstanceTag tag) {
    machines.terminate(tag);
  }

  @Override
  public List<String> regions() {
    return regions.all();
  }

  @Override
  public List<FoundMachine> machines(String deployment, String region) {
    return machines.owned(deployment, region);
  }

  @Override
  public void end(String region, String providerId) {
    machines.end(region, providerId);
  }

  @Override
  public List<FoundVolume> volumes(String deployment, String region) {
    return volumes.owned(deployment, region);
  }

  @Override
  public void endVolume(String region, String providerId) {
    volumes.end(region, providerId);
  }

  @Override
  public VolumeInfo ensureVolume(VolumeOrder order) {
    return volumes.ensure(order);
  }

  @Override
  public void deleteVolume(VolumeOrder order) {
    volumes.delete(order);
  }

  @Override
  public VolumeAttachment attachVolume(VolumeRef volume, InstanceTag machine) {
    return volumes.attach(volume, machine);
  }

  @Override
  public void detachVolume(VolumeRef volume, InstanceTag machine, boolean force) {
    volumes.detach(volume, machine, force);
  }

  @Override
  public boolean suits(String instanceType, String region) {
    return AwsPlacementGroups.suits(instanceType);
  }

  @Override
  public void ensurePlacementGroup(String deployment, String name, String project, String region) {
    placementGroups.ensure(deployment, name, project, region);
  }

  @Override
  public void deletePlacementGroup(String name, String region) {
    placementGroups.delete(name, region);
  }

  @Override
  public List<String> placementGroups(String deployment, String region) {
    return placementGroups.of(deployment, region);
  }

  private Machine machine(InstanceTag tag, Instance instance, Offer offer) {
    String address = config.publicIps() ? instance.publicIpAddress() : instance.privateIpAddress();
    boolean running = instance.state().name() == InstanceStateName.RUNNING;
    SshEndpoint ssh =
        running && address != null && !address.isEmpty()
            ? new SshEndpoint(
                address,
                SSH_PORT,
                AwsImages.user(config, offer.resources()),
                null,
                instance.privateIpAddress())
            : null;
    Offer placed =
        instance.placement() == null || instance.placement().availabilityZone() == null
            ? offer
            : offer.inZones(List.of(instance.placement().availabilityZone()));
    return new Machine(tag, instance.instanceId(), placed, ssh == null ? null : address, null, ssh);
  }

  /** What was ordered, as its tags and the catalog tell. */
  private Offer offer(String region, Instance instance) {
    String type = instance.instanceTypeAsString();
    boolean spot = instance.instanceLifecycle() == InstanceLifecycleType.SPOT;
    Resources has =
        catalog().stream()
            .filter(
                entry ->
                    entry.instanceType().equals(type)
                        && entry.region().equals(region)
                        && entry.resources().spot() == spot)
            .findFirst()
            .map(Catalog.Entry::resources)
            .orElseGet(() -> asDescribed(region, type, spot));
    long disk = number(instance, AwsTags.DISK, has.diskMib());
    return new Offer(
        TYPE,
        type,
        region,
        new Resources(has.arch(), has.cpus(), has.memoryMib(), disk, has.gpus(), spot),
        price(instance),
        Availability.AVAILABLE,
        Map.of());
  }

  /** Types that the catalog does not know any more; their accelerators are found by the agent. */
  private Resources asDescribed(String region, String type, boolean spot) {
    InstanceTypeInfo info = launch.type(region, type);
    boolean arm =
        info.processorInfo() != null
            && info.processorInfo().supportedArchitectures().contains(ArchitectureType.ARM64);
    return new Resources(
        arm ? CpuArch.ARM : CpuArch.X86,
        info.vCpuInfo() == null ? 0 : info.vCpuInfo().defaultVCpus(),
        info.memoryInfo() == null ? 0 : info.memoryInfo().sizeInMiB(),
        0,
        List.of(),
        spot);
  }

  private static long number(Instance instance, String key, long otherwise) {
    String value = AwsTags.value(instance, key, "");
    return value.matches("[0-9]{1,12}") ? Long.parseLong(value) : otherwise;
  }

  private static double price(Instance instance) {
    String value = AwsTags.value(instance, AwsTags.PRICE, "");
    return value.matches("[0-9]{1,6}(\\.[0-9]{1,12})?") ? Double.parseDouble(value) : 0;
  }
}
