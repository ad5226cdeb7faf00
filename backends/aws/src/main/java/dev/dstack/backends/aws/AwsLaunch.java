package dev.dstack.backends.aws;

import static dev.dstack.backends.aws.AwsErrors.translated;

import dev.dstack.backends.MachineOptions;
import dev.dstack.backends.MachineSpec;
import dev.dstack.backends.VolumeRef;
import dev.dstack.backends.aws.AwsNetwork.SubnetIn;
import dev.dstack.backends.aws.AwsReservations.Reservation;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.resources.Resources;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.BlockDeviceMapping;
import software.amazon.awssdk.services.ec2.model.EbsBlockDevice;
import software.amazon.awssdk.services.ec2.model.HttpTokensState;
import software.amazon.awssdk.services.ec2.model.IamInstanceProfileSpecification;
import software.amazon.awssdk.services.ec2.model.Instance;
import software.amazon.awssdk.services.ec2.model.InstanceInterruptionBehavior;
import software.amazon.awssdk.services.ec2.model.InstanceNetworkInterfaceSpecification;
import software.amazon.awssdk.services.ec2.model.InstanceType;
import software.amazon.awssdk.services.ec2.model.InstanceTypeInfo;
import software.amazon.awssdk.services.ec2.model.MarketType;
import software.amazon.awssdk.services.ec2.model.ResourceType;
import software.amazon.awssdk.services.ec2.model.RunInstancesRequest;
import software.amazon.awssdk.services.ec2.model.ShutdownBehavior;
import software.amazon.awssdk.services.ec2.model.SpotInstanceType;
import software.amazon.awssdk.services.ec2.model.Tag;
import software.amazon.awssdk.services.ec2.model.TagSpecification;
import software.amazon.awssdk.services.ec2.model.VolumeType;

/** Starts one instance: what it is made of, and in which zones to try. */
final class AwsLaunch {
  private static final Duration NETWORK_KEPT = Duration.ofMinutes(10);
  private static final Duration IMAGES_KEPT = Duration.ofHours(1);
  private static final Duration TYPES_KEPT = Duration.ofDays(1);

  private final AwsConfig config;
  private final AwsClients clients;
  private final Cached<Where, Network> networks;
  private final Cached<WhichImage, AwsImages.Found> images;
  private final Cached<WhichType, InstanceTypeInfo> types;

  private record Where(String region, String project) {}

  private record WhichImage(String region, AwsImages.Kind kind) {}

  private record WhichType(String region, String type) {}

  private record Network(List<SubnetIn> subnets, String securityGroup) {}

  AwsLaunch(AwsConfig config, AwsClients clients, InstantSource clock) {
    this.config = config;
    this.clients = clients;
    this.networks = new Cached<>(clock, NETWORK_KEPT, this::network);
    this.images =
        new Cached<>(
            clock,
            IMAGES_KEPT,
            which ->
                AwsImages.find(config, clients.ec2(which.region()), which.region(), which.kind()));
    this.types = new Cached<>(clock, TYPES_KEPT, this::describeType);
  }

  private Network network(Where where) {
    AwsNetwork network = new AwsNetwork(config, clients.ec2(where.region()), where.region());
    String vpc = network.vpc();
    return new Network(network.subnets(vpc), network.securityGroup(vpc, where.project()));
  }

  InstanceTypeInfo type(String region, String type) {
    return types.get(new WhichType(region, type));
  }

  private InstanceTypeInfo describeType(WhichType which) {
    return translated(
        "look up machine type " + which.type() + " in " + which.region(),
        () ->
            clients
                .ec2(which.region())
                .describeInstanceTypes(
                    request -> request.instanceTypes(InstanceType.fromValue(which.type())))
                .instanceTypes()
                .getFirst());
  }

  /**
   * Tries zone after zone in a fixed order, each under a token of its own: the same call with the
   * same token is the same machine, also when its answer was lost.
   */
  Instance launch(MachineSpec spec) {
    String region = spec.offer().region();
    Ec2Client ec2 = clients.ec2(region);
    Reservation reservation = reservation(ec2, spec);
    Where where = new Where(region, spec.project());
    Network network = networks.get(where);
    List<SubnetIn> subnets = subnets(spec, network, reservation);
    AwsImages.Found image =
        images.get(new WhichImage(region, AwsImages.Kind.of(spec.offer().resources())));
    List<String> refusals = new ArrayList<>();
    for (SubnetIn subnet : subnets) {
      RunInstancesRequest request =
          request(spec, subnet, network.securityGroup(), image, reservation);
      try {
        return ec2.runInstances(request).instances().getFirst();
      } catch (SdkException e) {
        String code = AwsErrors.code(e);
        if (code.startsWith("InvalidSubnet")
            || code.startsWith("InvalidGroup")
            || code.startsWith("InvalidAMIID")) {
          // What was known of the network or the image is not so any more.
          networks.drop(where);
          images.drop(new WhichImage(region, AwsImages.Kind.of(spec.offer().resources())));
        }
        DstackException failure =
            AwsErrors.of("start " + spec.offer().instanceType() + " in " + subnet.zone(), e);
        if (failure.kind() != ErrorKind.NO_CAPACITY) {
          throw failure;
        }
        refusals.add(String.valueOf(failure.getMessage()));
      }
    }
    throw new DstackException(
        ErrorKind.NO_CAPACITY,
        refusals.size() == 1
            ? refusals.getFirst()
            : "AWS: no zone of "
                + region
                + " has "
                + spec.offer().instanceType()
                + " now: "
                + String.join("; ", refusals));
  }

  private static @Nullable Reservation reservation(Ec2Client ec2, MachineSpec spec) {
    String wanted =
        spec.options().reservation() == null
            ? spec.offer().reservation()
            : spec.options().reservation();
    if (wanted == null) {
      return null;
    }
    Optional<Reservation> found = AwsReservations.find(ec2, spec.offer().region(), wanted);
    if (found.isEmpty()) {
      throw new DstackException(
          ErrorKind.NO_CAPACITY,
          "AWS: there is no active reservation " + wanted + " in " + spec.offer().region() + ".");
    }
    if (!found.get().instanceType().equals(spec.offer().instanceType())) {
      throw new DstackException(
          ErrorKind.NO_CAPACITY,
          "AWS: reservation "
              + wanted
              + " is for "
              + found.get().instanceType()
              + ", not for "
              + spec.offer().instanceType()
              + ".");
    }
    return found.get();
  }

  private static List<SubnetIn> subnets(
      MachineSpec spec, Network network, @Nullable Reservation reservation) {
    List<SubnetIn> fitting =
        network.subnets().stream()
            .filter(
                subnet ->
                    among(spec.options().zones(), subnet.zone())
                        && among(spec.offer().zones(), subnet.zone())
                        && (reservation == null || reservation.zone().equals(subnet.zone()))
                        && spec.options().volumes().stream()
                            .map(VolumeRef::availabilityZone)
                            .allMatch(zone -> zone == null || zone.equals(subnet.zone())))
            .toList();
    if (fitting.isEmpty()) {
      throw new DstackException(
          ErrorKind.NO_CAPACITY,
          "AWS: no subnet in "
              + network.subnets().stream().map(SubnetIn::zone).toList()
              + " is in the zone that the fleet's availability_zones, the offer, the reservation or"
              + " the volumes ask for.");
    }
    return fitting;
  }

  private static boolean among(List<String> zones, String zone) {
    return zones.isEmpty() || zones.stream().anyMatch(one -> one.equalsIgnoreCase(zone));
  }

  private RunInstancesRequest request(
      MachineSpec spec,
      SubnetIn subnet,
      String securityGroup,
      AwsImages.Found image,
      @Nullable Reservation reservation) {
    Resources resources = spec.offer().resources();
    MachineOptions options = spec.options();
    List<Tag> tags = AwsTags.of(config, spec);
    RunInstancesRequest.Builder request =
        RunInstancesRequest.builder()
            .clientToken(token(spec, subnet))
            .minCount(1)
            .maxCount(1)
            .imageId(image.id())
            .instanceType(spec.offer().instanceType())
            .networkInterfaces(interfaces(spec, subnet, securityGroup))
            .userData(AwsUserData.encoded(image.user(), options.authorizedKeys()))
            .instanceInitiatedShutdownBehavior(ShutdownBehavior.TERMINATE)
            .metadataOptions(
                metadata ->
                    metadata.httpTokens(HttpTokensState.REQUIRED).httpPutResponseHopLimit(2))
            .blockDeviceMappings(
                BlockDeviceMapping.builder()
                    .deviceName(image.rootDevice())
                    .ebs(
                        EbsBlockDevice.builder()
                            .volumeSize(
                                Math.max(
                                    image.minGib(), (int) Math.ceilDiv(resources.diskMib(), 1024)))
                            .volumeType(VolumeType.GP3)
                            .deleteOnTermination(true)
                            .build())
                    .build())
            .tagSpecifications(
                tagged(ResourceType.INSTANCE, tags), tagged(ResourceType.VOLUME, tags));
    String profile = config.iamInstanceProfile();
    if (profile != null) {
      request.iamInstanceProfile(
          profile.startsWith("arn:")
              ? IamInstanceProfileSpecification.builder().arn(profile).build()
              : IamInstanceProfileSpecification.builder().name(profile).build());
    }
    String group = options.placementGroup();
    if (group != null) {
      request.placement(placement -> placement.groupName(group));
    }
    if (reservation != null) {
      request.capacityReservationSpecification(
          which ->
              which.capacityReservationTarget(
                  target -> target.capacityReservationId(reservation.id())));
      if (reservation.block()) {
        request.instanceMarketOptions(market -> market.marketType(MarketType.CAPACITY_BLOCK));
      }
    } else if (resources.spot()) {
      request.instanceMarketOptions(
          market ->
              market
                  .marketType(MarketType.SPOT)
                  .spotOptions(
                      spot ->
                          spot.spotInstanceType(SpotInstanceType.ONE_TIME)
                              .instanceInterruptionBehavior(
                                  InstanceInterruptionBehavior.TERMINATE)));
    }
    return request.build();
  }

  /** The zone is part of the token: one token with other parameters is refused. */
  private static String token(MachineSpec spec, SubnetIn subnet) {
    return String.format(Locale.ROOT, "%s-%08x", spec.tag().token(), subnet.zone().hashCode());
  }

  private static TagSpecification tagged(ResourceType type, List<Tag> tags) {
    return TagSpecification.builder().resourceType(type).tags(tags).build();
  }

  /**
   * One interface; in a placement group one EFA interface for each network card. With several cards
   * AWS gives no public address, so with public addresses only the first card is used.
   */
  private List<InstanceNetworkInterfaceSpecification> interfaces(
      MachineSpec spec, SubnetIn subnet, String securityGroup) {
    int efa = 0;
    if (spec.options().placementGroup() != null) {
      InstanceTypeInfo type = type(spec.offer().region(), spec.offer().instanceType());
      boolean has =
          type.networkInfo() != null
              && Boolean.TRUE.equals(type.networkInfo().efaSupported())
              && type.networkInfo().efaInfo() != null;
      efa = has ? type.networkInfo().efaInfo().maximumEfaInterfaces() : 0;
    }
    List<InstanceNetworkInterfaceSpecification> interfaces = new ArrayList<>();
    int cards = config.publicIps() ? 1 : Math.max(1, efa);
    for (int card = 0; card < cards; card++) {
      InstanceNetworkInterfaceSpecification.Builder one =
          InstanceNetworkInterfaceSpecification.builder()
              .subnetId(subnet.id())
              .groups(securityGroup)
              .deviceIndex(card == 0 ? 0 : 1)
              .deleteOnTermination(true);
      if (card > 0) {
        one.networkCardIndex(card);
      }
      if (efa > 0) {
        one.interfaceType("efa");
      }
      if (cards == 1) {
        one.associatePublicIpAddress(config.publicIps());
      }
      interfaces.add(one.build());
    }
    return interfaces;
  }
}
