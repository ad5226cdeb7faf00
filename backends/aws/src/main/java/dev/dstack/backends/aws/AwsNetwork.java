package dev.dstack.backends.aws;

import static dev.dstack.backends.aws.AwsErrors.translated;

import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.Ec2Exception;
import software.amazon.awssdk.services.ec2.model.Filter;
import software.amazon.awssdk.services.ec2.model.IpPermission;
import software.amazon.awssdk.services.ec2.model.IpRange;
import software.amazon.awssdk.services.ec2.model.Ipv6Range;
import software.amazon.awssdk.services.ec2.model.ResourceType;
import software.amazon.awssdk.services.ec2.model.Route;
import software.amazon.awssdk.services.ec2.model.RouteTable;
import software.amazon.awssdk.services.ec2.model.SecurityGroup;
import software.amazon.awssdk.services.ec2.model.Subnet;
import software.amazon.awssdk.services.ec2.model.Tag;
import software.amazon.awssdk.services.ec2.model.TagSpecification;
import software.amazon.awssdk.services.ec2.model.UserIdGroupPair;
import software.amazon.awssdk.services.ec2.model.Vpc;

/** Where in a region machines are put: VPC, subnets by zone, security group. */
final class AwsNetwork {
  private final AwsConfig config;
  private final Ec2Client ec2;
  private final String region;

  AwsNetwork(AwsConfig config, Ec2Client ec2, String region) {
    this.config = config;
    this.ec2 = ec2;
    this.region = region;
  }

  record SubnetIn(String id, String zone) {}

  String vpc() {
    String id = config.vpcIds().get(region);
    if (id != null) {
      return translated(
          "look up VPC " + id + " in " + region,
          () -> ec2.describeVpcs(request -> request.vpcIds(id)).vpcs().getFirst().vpcId());
    }
    String name = config.vpcName();
    if (name != null) {
      return one(vpcs("tag:Name", name))
          .orElseThrow(
              () -> denied("There is no VPC named '" + name + "' in " + region + " (vpc_name)."));
    }
    if (!config.vpcIds().isEmpty() && !config.defaultVpcs()) {
      throw denied("vpc_ids names no VPC for " + region + " and default_vpcs is false.");
    }
    if (!config.defaultVpcs()) {
      throw denied("default_vpcs is false, so vpc_name or vpc_ids must name the VPC to be used.");
    }
    return one(vpcs("is-default", "true"))
        .orElseThrow(
            () ->
                denied(
                    "There is no default VPC in "
                        + region
                        + "; name one by vpc_name or vpc_ids, or leave the region out."));
  }

  private List<Vpc> vpcs(String filter, String value) {
    return translated(
        "look up the VPC in " + region,
        () -> ec2.describeVpcs(request -> request.filters(filter(filter, value))).vpcs());
  }

  /** Two of one name: the same one each time. */
  private static Optional<String> one(List<Vpc> vpcs) {
    return vpcs.stream().map(Vpc::vpcId).min(Comparator.naturalOrder());
  }

  /**
   * The subnets that machines can be put into, the first of each zone, in the order of zones: with
   * a way in from the internet, or with a way out only.
   */
  List<SubnetIn> subnets(String vpc) {
    List<Subnet> all =
        translated(
            "list the subnets of " + vpc + " in " + region,
            () ->
                ec2
                    .describeSubnetsPaginator(request -> request.filters(filter("vpc-id", vpc)))
                    .subnets()
                    .stream()
                    .toList());
    Map<String, RouteTable> tables = new HashMap<>();
    List<RouteTable> main = new ArrayList<>();
    translated(
            "list the route tables of " + vpc + " in " + region,
            () ->
                ec2
                    .describeRouteTablesPaginator(request -> request.filters(filter("vpc-id", vpc)))
                    .routeTables()
                    .stream()
                    .toList())
        .forEach(
            table ->
                table
                    .associations()
                    .forEach(
                        association -> {
                          if (Boolean.TRUE.equals(association.main())) {
                            main.add(table);
                          }
                          if (association.subnetId() != null) {
                            tables.put(association.subnetId(), table);
                          }
                        }));
    List<SubnetIn> fitting = new ArrayList<>();
    all.stream()
        .filter(
            subnet -> {
              RouteTable table = tables.get(subnet.subnetId());
              List<Route> routes =
                  table != null
                      ? table.routes()
                      : main.isEmpty() ? List.of() : main.getFirst().routes();
              return config.publicIps() ? isPublic(routes) : isPrivate(routes);
            })
        .sorted(
            Comparator.comparing(Subnet::availabilityZone)
                .thenComparing(subnet -> !Boolean.TRUE.equals(subnet.defaultForAz()))
                .thenComparing(Subnet::subnetId))
        .forEach(
            subnet -> {
              if (fitting.isEmpty()
                  || !fitting.getLast().zone().equals(subnet.availabilityZone())) {
                fitting.add(new SubnetIn(subnet.subnetId(), subnet.availabilityZone()));
              }
            });
    if (fitting.isEmpty()) {
      throw denied(
          config.publicIps()
              ? "No subnet of "
                  + vpc
                  + " in "
                  + region
                  + " has a route to an internet gateway; add one, or set public_ips: false."
              : "No subnet of "
                  + vpc
                  + " in "
                  + region
                  + " is private with a way out (a NAT gateway, a transit gateway, a peering or a"
                  + " VPN), which public_ips: false needs.");
    }
    return fitting;
  }

  private static boolean isPublic(List<Route> routes) {
    return routes.stream()
        .anyMatch(route -> route.gatewayId() != null && route.gatewayId().startsWith("igw-"));
  }

  private static boolean isPrivate(List<Route> routes) {
    return !isPublic(routes)
        && routes.stream()
            .anyMatch(
                route ->
                    route.natGatewayId() != null
                        || route.transitGatewayId() != null
                        || route.vpcPeeringConnectionId() != null
                        || route.networkInterfaceId() != null
                        || (route.gatewayId() != null && route.gatewayId().startsWith("vgw-")));
  }

  /** SSH from anywhere, everything among the machines of one project. */
  String securityGroup(String vpc, String project) {
    String name = "dstack_security_group_" + project;
    Optional<SecurityGroup> found = findGroup(vpc, name);
    String id = found.isPresent() ? found.get().groupId() : createGroup(vpc, name, project);
    boolean complete =
        found.isPresent()
            && found.get().ipPermissions().size() >= 2
            && found.get().ipPermissionsEgress().stream()
                .anyMatch(rule -> !rule.userIdGroupPairs().isEmpty());
    if (!complete) {
      allow(id, name);
    }
    return id;
  }

  private Optional<SecurityGroup> findGroup(String vpc, String name) {
    return translated(
        "look up security group " + name + " in " + region,
        () ->
            ec2
                .describeSecurityGroups(
                    request -> request.filters(filter("vpc-id", vpc), filter("group-name", name)))
                .securityGroups()
                .stream()
                .findFirst());
  }

  private String createGroup(String vpc, String name, String project) {
    try {
      return ec2.createSecurityGroup(
              request ->
                  request
                      .groupName(name)
                      .description("Machines of project " + project)
                      .vpcId(vpc)
                      .tagSpecifications(
                          TagSpecification.builder()
                              .resourceType(ResourceType.SECURITY_GROUP)
                              .tags(
                                  tag(AwsTags.OWNER, AwsTags.OWNER_VALUE),
                                  tag(AwsTags.PROJECT, project))
                              .build()))
          .groupId();
    } catch (Ec2Exception e) {
      if (AwsErrors.code(e).equals("InvalidGroup.Duplicate")) {
        // Another worker was faster.
        return findGroup(vpc, name)
            .map(SecurityGroup::groupId)
            .orElseThrow(() -> AwsErrors.of("create security group " + name, e));
      }
      throw AwsErrors.of("create security group " + name + " in " + region, e);
    }
  }

  private void allow(String id, String name) {
    IpPermission ssh =
        IpPermission.builder()
            .ipProtocol("tcp")
            .fromPort(22)
            .toPort(22)
            .ipRanges(IpRange.builder().cidrIp("0.0.0.0/0").build())
            .ipv6Ranges(Ipv6Range.builder().cidrIpv6("::/0").build())
            .build();
    IpPermission among =
        IpPermission.builder()
            .ipProtocol("-1")
            .userIdGroupPairs(UserIdGroupPair.builder().groupId(id).build())
            .build();
    once(
        "open " + name,
        () -> {
          ec2.authorizeSecurityGroupIngress(request -> request.groupId(id).ipPermissions(ssh));
        });
    once(
        "open " + name,
        () -> {
          ec2.authorizeSecurityGroupIngress(request -> request.groupId(id).ipPermissions(among));
        });
    // EFA's traffic leaves through a rule that names the group itself.
    once(
        "open " + name,
        () -> {
          ec2.authorizeSecurityGroupEgress(request -> request.groupId(id).ipPermissions(among));
        });
  }

  private void once(String what, Runnable call) {
    try {
      call.run();
    } catch (Ec2Exception e) {
      if (!AwsErrors.code(e).equals("InvalidPermission.Duplicate")) {
        throw AwsErrors.of(what + " in " + region, e);
      }
    }
  }

  static Filter filter(String name, String... values) {
    return Filter.builder().name(name).values(values).build();
  }

  static Tag tag(String key, String value) {
    return Tag.builder().key(key).value(value).build();
  }

  private static DstackException denied(String message) {
    return new DstackException(ErrorKind.BACKEND_DENIED, "AWS: " + message);
  }
}
